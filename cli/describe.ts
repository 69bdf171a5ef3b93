// SPDX-License-Identifier: BSD-2-Clause
// The describe stage: the board's device tree, compiled if it is ours, and the system that follows from it.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Board, boardDts } from '../boards/index.ts';
import { runSteps } from '../make/engine.ts';
import { compileDeviceTree } from '../make/tools/dtc.ts';
import {
  describeVsockSystem,
  type DeviceTree,
  type DriverConfig,
  parseDriverConfig,
  parseFdt,
  refuse,
  type VsockSystem,
} from '../meta/index.ts';
import { printDiagnostics } from './report.ts';
import type { CommandContext } from './vmbuild.ts';

/** Two guests: the receiver and the sender. */
const numGuests = 2;

/** Describes and checks the system; warnings are printed. With `sddf`, the driver's needs are read from that tree. */
export async function describeSystem(
  context: CommandContext,
  { board, buildDir, dtc, sddf }: { board: Board; buildDir: string; dtc: string; sddf?: string },
): Promise<VsockSystem> {
  const tree = await loadTree(context, board, buildDir, dtc);
  const guests = Array.from({ length: numGuests }, () => board.guest);
  const { node, driver } = board.serial;
  const serial = { node, driver: sddf === undefined ? driver : await readDriver(sddf, driver.directory) };
  const system = describeVsockSystem({ board: { ...board, serial }, tree, guests });
  printDiagnostics(system.warnings);
  return system;
}

async function readDriver(sddf: string, directory: string): Promise<DriverConfig> {
  const file = join(sddf, 'drivers', directory, 'config.json');
  const text = await readFile(file, 'utf8');
  try {
    return parseDriverConfig(JSON.parse(text), directory, file);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return refuse('DRV103', `driver config '${file}' is no JSON: ${error.message}`, {
      hint: 'check out sDDF again',
    });
  }
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
