// SPDX-License-Identifier: BSD-2-Clause
// The timer golden on every board: the system text and every .data file.

import { expect, test } from 'vitest';
import { connectTimer, findNode, renderSdf } from '../../meta/index.ts';
import { expectGoldenData, goldenSystem, readDrivers, readTree, requireConformance } from './conformance.ts';
import { builderFor, goldenBoards } from './golden-boards.ts';

test.for(goldenBoards)('timer on $name', (board, ctx) => {
  requireConformance(ctx);
  const sdf = builderFor(board);
  const driver = sdf.addPd({ name: 'timer_driver', programImage: 'timer_driver.elf', priority: 254 });
  const clients = [
    sdf.addPd({ name: 'client0', programImage: 'c0.elf', priority: 1 }),
    sdf.addPd({ name: 'client1', programImage: 'c1.elf' }),
  ];
  const at = findNode(readTree(`dtb/${board.name}.dtb`), board.timer);
  const configs = connectTimer(sdf, { device: { at, drivers: readDrivers('timer') }, driver, clients });
  expect(renderSdf(sdf.build().system)).toBe(goldenSystem(board.name, 'timer'));
  expectGoldenData(board.name, 'timer', configs);
});
