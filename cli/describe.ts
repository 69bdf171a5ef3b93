// SPDX-License-Identifier: BSD-2-Clause
// The describe stage: the board's device tree, compiled if it is ours, and the system that follows from it.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Board, boardDts } from '../boards/index.ts';
import { runSteps } from '../make/engine.ts';
import { compileDeviceTree } from '../make/tools/dtc.ts';
import { describeVsockSystem, type DeviceTree, parseFdt, refuse, type VsockSystem } from '../meta/index.ts';
import { printDiagnostics } from './report.ts';
import type { CommandContext } from './vmbuild.ts';

/** Two guests: the receiver and the sender. */
const numGuests = 2;

/** Describes and checks the system; warnings are printed. */
export async function describeSystem(
  context: CommandContext,
  { board, buildDir, dtc }: { board: Board; buildDir: string; dtc: string },
): Promise<VsockSystem> {
  const tree = await loadTree(context, board, buildDir, dtc);
  const guests = Array.from({ length: numGuests }, () => board.guest);
  const system = describeVsockSystem({ board, tree, guests });
  printDiagnostics(system.warnings);
  return system;
}

async function loadTree(
  { settings, signal }: CommandContext,
  board: Board,
  buildDir: string,
  dtc: string,
): Promise<DeviceTree> {
  const given = settings.text('dtb');
  if (given !== undefined) return parseFdt(await readGiven(resolve(given)), given);
  const output = 'board.dtb';
  await runSteps([compileDeviceTree({ dtc, input: boardDts(board.name), output })], { buildDir, signal });
  return parseFdt(await readFile(join(buildDir, output)), boardDts(board.name));
}

async function readGiven(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return refuse('FDT100', `--dtb '${path}' cannot be read: ${reason}`, { hint: 'name a device tree blob' });
  }
}
