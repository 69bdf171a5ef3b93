// SPDX-License-Identifier: BSD-2-Clause
// The vsock system on a real board, for tests: the board's tree is compiled with dtc.

import { spawnSync } from 'node:child_process';
import { boardDts, loadBoard } from '../../boards/index.ts';
import { type DeviceTree, describeVsockSystem, parseFdt, type VsockSystem } from '../../meta/index.ts';

/** The blob of a device tree source; what dtc says on stderr is an error here. */
export function compileTree(source: string): Buffer {
  const { stdout, stderr, status } = spawnSync('dtc', ['-I', 'dts', '-O', 'dtb', source]);
  if (status !== 0 || stderr.length > 0) throw new Error(`dtc ${source}: ${stderr.toString()}`);
  return stdout;
}

export const compileBoardTree = (name: string): DeviceTree =>
  parseFdt(compileTree(boardDts(name)), `${name}/board.dts`);

export async function describeForBoard(name: string, vms: number): Promise<VsockSystem> {
  const board = await loadBoard(name);
  const guests = Array.from({ length: vms }, () => board.guest);
  return describeVsockSystem({ board, tree: compileBoardTree(name), guests });
}
