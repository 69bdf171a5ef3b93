// SPDX-License-Identifier: BSD-2-Clause
// The serial_* goldens on every board: the system text and every .data file.

import { describe, expect, test } from 'vitest';
import { type ComponentConfig, connectSerial, renderSdf, type SystemBuilder } from '../../meta/index.ts';
import { expectGoldenData, goldenSystem, requireConformance } from './conformance.ts';
import { builderFor, type GoldenBoard, goldenBoards, serialDevice } from './golden-boards.ts';

type Case = (sdf: SystemBuilder, board: GoldenBoard) => ComponentConfig[];

const cases: Record<string, Case> = {
  serial_tx_only(sdf, board) {
    const { driver, virtTx } = serialPds(sdf, false);
    return connectSerial(sdf, { device: serialDevice(board), driver, virtTx, clients: clients(sdf, 2) });
  },
  serial_rx(sdf, board) {
    return connectSerial(sdf, {
      device: serialDevice(board),
      ...serialPds(sdf),
      clients: clients(sdf, 2),
      enableColour: false,
      baudRate: 9600,
      beginString: 'hello\n',
    });
  },
  serial_no_device: (sdf) => connectSerial(sdf, { ...serialPds(sdf), clients: clients(sdf, 1) }),
  serial_no_clients: (sdf, board) =>
    connectSerial(sdf, { device: serialDevice(board), ...serialPds(sdf), clients: [] }),
};

for (const board of goldenBoards)
  describe(board.name, () => {
    for (const [name, describeCase] of Object.entries(cases))
      test(name, (ctx) => {
        requireConformance(ctx);
        const sdf = builderFor(board);
        const configs = describeCase(sdf, board);
        expect(renderSdf(sdf.build().system)).toBe(goldenSystem(board.name, name));
        expectGoldenData(board.name, name, configs);
      });
  });

function serialPds(sdf: SystemBuilder, withRx = true) {
  const driver = sdf.addPd({ name: 'serial_driver', programImage: 'serial_driver.elf', priority: 200 });
  const virtTx = sdf.addPd({ name: 'serial_virt_tx', programImage: 'serial_virt_tx.elf', priority: 199 });
  if (!withRx) return { driver, virtTx };
  const virtRx = sdf.addPd({
    name: 'serial_virt_rx',
    programImage: 'serial_virt_rx.elf',
    priority: 199,
    stackSize: 0x2000n,
  });
  return { driver, virtTx, virtRx };
}

const clients = (sdf: SystemBuilder, count: number) =>
  Array.from({ length: count }, (_, i) =>
    sdf.addPd({ name: `client${i}`, programImage: `c${i}.elf`, priority: 1 }),
  );
