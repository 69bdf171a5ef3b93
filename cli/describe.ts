// SPDX-License-Identifier: BSD-2-Clause
// The describe stage: the board's device tree, compiled if it is ours, and the system that follows from it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Board, boardDts } from '../boards/index.ts';
import { readGiven } from '../linux/given-file.ts';
import { runSteps } from '../make/engine.ts';
import { compileDeviceTree } from '../make/tools/dtc.ts';
import {
  describeVsockSystem,
  type DeviceTree,
  type DriverConfig,
  fdtLimits,
  parseDriverConfig,
  parseFdt,
  refuse,
  vsockGuestCounts,
  type VsockSystem,
} from '../meta/index.ts';
import { engineOptions } from './engine-options.ts';
import type { Settings } from './options.ts';
import { reportBuild } from './progress.ts';
import { printDiagnostics } from './report.ts';
import type { CommandContext } from './vmbuild.ts';

interface DescribeInputs {
  readonly board: Board;
  readonly buildDir: string;
  readonly dtc: string;
  /** With it, the driver's needs are read from that tree. */
  readonly sddf?: string;
}

/** Describes and checks the system of as many guests as --vms says; warnings are printed. */
export async function describeSystem(context: CommandContext, inputs: DescribeInputs): Promise<VsockSystem> {
  const describe = await loadDescription(context, inputs);
  const system = describe(guestCount(context.settings));
  printDiagnostics(system.warnings);
  return system;
}

export const guestCount = (settings: Settings): number => settings.number('vms') ?? vsockGuestCounts.min;

/** What a description follows from, loaded. The function describes and checks the system of any number of guests. */
export async function loadDescription(
  context: CommandContext,
  { board, buildDir, dtc, sddf }: DescribeInputs,
): Promise<(count: number) => VsockSystem> {
  const tree = await loadTree(context, board, buildDir, dtc);
  const { node, driver } = board.serial;
  const serial = { node, driver: sddf === undefined ? driver : await readDriver(sddf, driver.directory) };
  return (count) =>
    describeVsockSystem({
      board: { ...board, serial },
      tree,
      guests: Array.from({ length: count }, () => board.guest),
    });
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
  if (given !== undefined) return parseFdt(await readGiven('--dtb', resolve(given), fdtLimits.bytes), given);
  // A dry run leaves nothing behind.
  const directory = settings.on('dry-run') ? await mkdtemp(join(tmpdir(), 'vmbuild-')) : buildDir;
  try {
    const output = 'board.dtb';
    const step = compileDeviceTree({ dtc, input: boardDts(board.name), output });
    await runSteps([step], {
      buildDir: directory,
      signal,
      ...engineOptions(settings),
      onEvent: reportBuild(settings),
    });
    return parseFdt(await readFile(join(directory, output)), boardDts(board.name));
  } finally {
    if (directory !== buildDir) await rm(directory, { recursive: true, force: true });
  }
}
