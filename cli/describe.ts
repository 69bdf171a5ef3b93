// SPDX-License-Identifier: BSD-2-Clause
// The describe stage: the board's device tree, compiled if it is ours, and the system that follows from it.
import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { checkAgreement } from '../boards/agree.ts';
import { type Board, boardDts } from '../boards/index.ts';
import { readGiven } from '../linux/given-file.ts';
import { runSteps } from '../make/engine.ts';
import type { Step } from '../make/step.ts';
import { makeTemporaryDirectory } from '../make/temporary-directory.ts';
import { compileDeviceTree } from '../make/tools/dtc.ts';
import { refuse, refuseErrors } from '../meta/diagnostic.ts';
import { type DeviceTree, parseFdt } from '../meta/fdt/parse.ts';
import { fdtLimits } from '../meta/limits.ts';
import type { DriverConfig } from '../meta/sddf/driver-config.ts';
import { vsockGuestCounts } from '../meta/vsock-guests.ts';
import { describeVsockSystem, type VsockSystem } from '../meta/vsock-system.ts';
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
  /** Bytes of a vsock region, if not the default. */
  readonly ringBytes?: bigint;
  /** sDDF's device tree source of the board, to hold the board's own against. */
  readonly referenceDts?: string;
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
  inputs: DescribeInputs,
): Promise<(count: number) => VsockSystem> {
  const { board, sddf } = inputs;
  const tree = await loadTree(context, inputs);
  const { node, driver } = board.serial;
  const serial = { node, driver: sddf === undefined ? driver : await readDriver(sddf, driver.directory) };
  return (count) =>
    describeVsockSystem({
      board: { ...board, serial },
      tree,
      guests: Array.from({ length: count }, () => board.guest),
      ...(inputs.ringBytes === undefined ? {} : { ringBytes: inputs.ringBytes }),
    });
}

async function readDriver(sddf: string, directory: string): Promise<DriverConfig> {
  const file = join(sddf, 'drivers', directory, 'config.json');
  const text = await readFile(file, 'utf8');
  // Loads what judges it; most runs take the board's word.
  const { parseDriverConfig } = await import('../meta/sddf/driver-config.ts');
  try {
    return parseDriverConfig(JSON.parse(text), directory, file);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return refuse('DRV103', `driver config '${file}' is no JSON: ${error.message}`, {
      hint: 'check out sDDF again',
    });
  }
}

/** Where the board's own tree is after a build, compiled. */
export const boardDtb = (buildDir: string): string => join(buildDir, compiledTree);

const compiledTree = 'board.dtb';

/**
 * The board's own tree, or the fuller one that the user gives, which says the same of what is used. Without a build
 * directory it leaves nothing behind.
 */
export async function loadTree(
  { settings, signal }: CommandContext,
  {
    board,
    buildDir,
    dtc,
    referenceDts,
  }: Pick<DescribeInputs, 'board' | 'dtc' | 'referenceDts'> & { readonly buildDir?: string },
): Promise<DeviceTree> {
  const given = settings.text('dtb');
  const fuller =
    given === undefined
      ? undefined
      : parseFdt(await readGiven('--dtb', resolve(given), fdtLimits.bytes), given);
  // A dry run leaves nothing behind.
  const directory =
    buildDir === undefined || settings.on('dry-run') ? await makeTemporaryDirectory('vmbuild-') : buildDir;
  try {
    const steps = [
      compileDeviceTree({ dtc, input: boardDts(board.name), output: compiledTree }),
      ...(referenceDts === undefined
        ? []
        : [compileDeviceTree({ dtc, input: referenceDts, output: 'reference.dtb' })]),
    ];
    await runSteps(steps, {
      buildDir: directory,
      signal,
      ...engineOptions(settings),
      onEvent: reportBuild(settings),
    });
    const read = async (step: Step, file: string): Promise<DeviceTree> =>
      parseFdt(await readFile(join(directory, step.outputs[0] ?? '')), file);
    const [own, reference] = await Promise.all(steps.map((step) => read(step, step.inputs[0] ?? '')));
    if (own === undefined) throw new Error('the first step compiles it');
    const others = [fuller, reference].filter((tree) => tree !== undefined);
    refuseErrors(others.flatMap((other) => checkAgreement(board, own, other)));
    return fuller ?? own;
  } finally {
    if (directory !== buildDir) await rm(directory, { recursive: true, force: true });
  }
}
