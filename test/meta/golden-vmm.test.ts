// SPDX-License-Identifier: BSD-2-Clause
// The vmm_* goldens on every Arm board, with the guest trees that made them.

import { describe, expect, test } from 'vitest';
import {
  type ComponentConfig,
  connectSerial,
  connectVmm,
  findNode,
  guestMachineFromTree,
  type PassthroughDevice,
  renderSdf,
  type SystemBuilder,
  virtioMmioNode,
} from '../../meta/index.ts';
import { expectGoldenData, goldenSystem, readTree, requireConformance } from './conformance.ts';
import { armBoards, builderFor, type GoldenBoard, serialDevice } from './golden-boards.ts';

for (const board of armBoards)
  describe(board.name, () => {
    test('vmm_simple', (ctx) => {
      requireConformance(ctx);
      const sdf = builderFor(board);
      const configs = describeSimple(sdf, board);
      expect(renderSdf(sdf.build().system)).toBe(goldenSystem(board.name, 'vmm_simple'));
      expectGoldenData(board.name, 'vmm_simple', configs);
    });

    for (const [name, withVsock] of [
      ['vmm_two_console', false],
      ['vmm_two_vsock_shape', true],
    ] as const)
      test(name, (ctx) => {
        requireConformance(ctx);
        const sdf = builderFor(board);
        const configs = describeTwo(sdf, board, withVsock);
        expect(renderSdf(sdf.build().system)).toBe(goldenSystem(board.name, name));
        expectGoldenData(board.name, name, configs);
      });

    test.todo('vmm_virtio: needs the blk and net subsystems, which meta/sddf does not have yet');
  });

function describeSimple(sdf: SystemBuilder, board: GoldenBoard): ComponentConfig[] {
  const tree = readTree(`dtb/${board.name}.dtb`);
  const device = (path: string, rest: Omit<PassthroughDevice, 'at'> = {}): PassthroughDevice => ({
    at: findNode(tree, path),
    ...rest,
  });
  const more = (): PassthroughDevice[] => {
    if (board.name === 'odroidc4')
      return [device('soc/bus@ffd00000/interrupt-controller@f080'), device('soc/bus@ff600000/bus@3c000')];
    if (board.name === 'maaxboard')
      return [
        device('soc@0/bus@30000000/gpio@30200000', { regions: [] }),
        device('soc@0/bus@30800000/ethernet@30be0000', { irqs: [0, 2] }),
      ];
    return [];
  };
  return connectVmm(sdf, {
    pd: sdf.addPd({ name: 'VMM', programImage: 'vmm.elf', priority: 254 }),
    vm: { name: 'linux', vcpus: [{ id: 0 }] },
    guest: guestMachineFromTree(readTree(`dtb/guest_simple_${board.name}.dtb`)),
    passthrough: [device(board.serial), ...more()],
    passthroughIrqs: [{ irq: 99, trigger: 'level' }],
    oneToOneRam: board.name === 'odroidc4',
  });
}

function describeTwo(sdf: SystemBuilder, board: GoldenBoard, withVsock: boolean): ComponentConfig[] {
  const tree = readTree(`dtb/guest_${board.gic}.dtb`);
  const console = virtioMmioNode(findNode(tree, 'virtio-console@130000'));
  const vmms = [0, 1].map((i) =>
    sdf.addPd({ name: `CLIENT_VMM${i}`, programImage: `client_vmm${i}.elf`, priority: 100 - i }),
  );
  const [driver, virtTx] = [
    sdf.addPd({ name: 'serial_driver', programImage: 'serial_driver.elf', priority: 200 }),
    sdf.addPd({ name: 'serial_virt_tx', programImage: 'serial_virt_tx.elf', priority: 199 }),
  ];
  const virtRx = sdf.addPd({
    name: 'serial_virt_rx',
    programImage: 'serial_virt_rx.elf',
    priority: 199,
    stackSize: 0x2000n,
  });
  if (withVsock) addVsockShape(sdf, vmms);
  const serial = connectSerial(sdf, { device: serialDevice(board), driver, virtTx, virtRx, clients: vmms });
  const configs = vmms.flatMap((pd, i) =>
    connectVmm(sdf, {
      pd,
      vm: { name: `client_linux${i}`, vcpus: [{ id: 0 }] },
      guest: guestMachineFromTree(tree),
      virtioDevices: [{ kind: 'console', node: console }],
    }),
  );
  return [...serial, ...configs];
}

/** By hand, as the golden's program did it with a package that knows no vsock. */
function addVsockShape(sdf: SystemBuilder, vmms: readonly ReturnType<SystemBuilder['addPd']>[]): void {
  const [v0, v1] = vmms;
  if (v0 === undefined || v1 === undefined) throw new Error('two were made');
  sdf.addChannel({ a: { pd: v0 }, b: { pd: v1 } });
  const a = sdf.addMr({ name: 'vsock_CLIENT_VMM0_rx_CLIENT_VMM1_tx', size: 0x1000n });
  const b = sdf.addMr({ name: 'vsock_CLIENT_VMM0_tx_CLIENT_VMM1_rx', size: 0x1000n });
  for (const mr of [a, b]) v0.map(mr, { perms: 'rw', cached: true });
  for (const mr of [b, a]) v1.map(mr, { perms: 'rw', cached: true });
}
