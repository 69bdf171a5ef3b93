// SPDX-License-Identifier: BSD-2-Clause
// What `build` and `qemu` share: settings to inputs, inputs to a plan, and the plan run.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type ImageInputs, outputs, planImage } from '../Makefile.ts';
import { type Board, loadBoard, packageDirectory, referenceDts } from '../boards/index.ts';
import { formatNonce } from '../linux/bootargs.ts';
import { estimateGuestBytes } from '../linux/guest-size.ts';
import type { GuestImages } from '../linux/images.ts';
import { runSteps, type RunReport } from '../make/engine.ts';
import { addUpMemory, checkMemory, type MemoryNeed } from '../make/image-memory.ts';
import { findSdk, type Sdk } from '../make/store/sdk.ts';
import { openBoard, type SdkBoard } from '../make/store/sdk-board.ts';
import { findSources, type Sources } from '../make/store/sources.ts';
import type { Step } from '../make/step.ts';
import { findTools, type Tool, type ToolName } from '../make/tools/find.ts';
import { refuseErrors, vsockGuestCounts, type VsockSystem } from '../meta/index.ts';
import { guestCount, loadDescription } from './describe.ts';
import { engineOptions } from './engine-options.ts';
import { appendedWords, guestImagesTask } from './guest-images.ts';
import { loadAll } from './load.ts';
import { nonceOf } from './nonce.ts';
import { buildDirectory } from './options.ts';
import { printDiagnostics, reportSdk, say } from './report.ts';
import { reportBuild } from './progress.ts';
import type { CommandContext } from './vmbuild.ts';

export interface BuiltImage {
  readonly board: Board;
  readonly system: VsockSystem;
  readonly buildDir: string;
  /** Absolute path of loader.img. */
  readonly image: string;
  /** 16 hexadecimal digits. */
  readonly nonce: string;
  readonly steps: readonly Step[];
  /** Absent after a dry run. */
  readonly report?: RunReport;
}

/**
 * Loads, describes, checks, plans and builds. Says on stderr what was defaulted and what it does. `alsoTools` are looked
 * for with the others, so that all that is missing is said at once.
 */
export async function buildImage(
  context: CommandContext,
  alsoTools: readonly ToolName[] = [],
): Promise<BuiltImage> {
  const { settings, signal } = context;
  const defaulted = (['board', 'config'] as const).filter((name) => settings.defaulted(name));
  if (defaulted.length > 0)
    say(settings, `by default: ${defaulted.map((name) => `--${name} ${settings.text(name)}`).join(' ')}`);

  const inputs = await loadImageInputs(context, alsoTools);
  const buildDir = buildDirectory(settings);
  const steps = planImage(inputs);
  const built: BuiltImage = {
    board: inputs.board,
    system: inputs.system,
    buildDir,
    image: join(buildDir, outputs.image),
    nonce: formatNonce(inputs.nonce),
    steps,
  };
  if (settings.on('dry-run')) return built;
  const report = await runSteps(steps, {
    buildDir,
    signal,
    ...engineOptions(settings),
    onEvent: reportBuild(settings),
  });
  return { ...built, report };
}

/** Which image: a board and a configuration. */
export interface ImageName {
  readonly board: string;
  readonly config: string;
}

/** Everything that the plan of one image follows from. What is missing or wrong is refused together. */
export async function loadImageInputs(
  context: CommandContext,
  alsoTools: readonly ToolName[] = [],
): Promise<ImageInputs> {
  const { settings } = context;
  const board = await loadBoard(settings.text('board') ?? '');
  const wanted = { board: board.name, config: settings.text('config') ?? '' };
  const { images } = await loadImages(context, () => [wanted], alsoTools);
  const [image] = images;
  assert(image !== undefined);
  return image;
}

/** What images were made with, for those who tell. */
export interface LoadedImages {
  readonly images: readonly ImageInputs[];
  readonly sdk: Sdk;
  readonly sources: Sources;
  readonly tools: Readonly<Partial<Record<ToolName, Tool>>>;
}

/** The same for the images that `choose` finds in the SDK. */
export async function loadImages(
  context: CommandContext,
  choose: (sdk: Sdk) => readonly ImageName[],
  alsoTools: readonly ToolName[] = [],
): Promise<LoadedImages> {
  const { settings, env } = context;
  const allowStack = settings.on('allow-stack');
  const { boards, sources, tools, guest } = await loadAll({
    boards: async () => {
      const sdk = findSdk({ sdk: settings.flag('sdk'), env, allowStack });
      reportSdk(settings, sdk);
      const open = ({ board, config }: ImageName) => [
        `${board} ${config}`,
        () => openBoard(sdk, board, config),
      ];
      return { sdk, opened: Object.values(await loadAll(Object.fromEntries(choose(sdk).map(open)))) };
    },
    sources: () =>
      findSources({ libvmm: settings.flag('libvmm'), sddf: settings.flag('sddf'), env, allowStack }),
    tools: () => findTools(['clang', 'lld', 'llvm-ar', 'llvm-objcopy', 'dtc', ...alsoTools], env),
    guest: guestImagesTask(context, 'trustworthy-systems'),
  });
  printDiagnostics([...sources.warnings, ...guest.warnings]);
  const found = { sources, tools, images: guest.images };
  const tasks = boards.opened.map((sdk) => [sdk.directory, () => imageInputs(context, sdk, found)]);
  return { images: Object.values(await loadAll(Object.fromEntries(tasks))), sdk: boards.sdk, sources, tools };
}

async function imageInputs(
  context: CommandContext,
  sdk: SdkBoard,
  { sources, tools, images }: { sources: Sources; tools: BuildTools; images: GuestImages },
): Promise<ImageInputs> {
  const append = context.settings.text('append') ?? '';
  const board = await loadBoard(sdk.board);
  const reference = referenceDts(board.name, sources.sddf.path);
  const system = await describeFitting(context, {
    board,
    sdk,
    images,
    dtc: tools.dtc.path,
    referenceDts: reference,
  });
  return {
    board,
    sdk,
    libvmm: sources.libvmm.path,
    sddf: sources.sddf.path,
    referenceDts: reference,
    vmm: join(packageDirectory(), 'vmm'),
    programs: join(packageDirectory(), 'linux', 'programs'),
    tools: toolPaths(tools),
    system,
    images,
    nonce: nonceOf(board.name, sdk.config, images.kernel.release ?? '', append, String(system.guests.length)),
    // The guests stay, each with a shell, as the original's do; the run is over when both have said their verdict.
    after: 'shell',
    kernelOptions: { more: appendedWords(append) },
  };
}

/** As a plan names them. */
export const toolPaths = (tools: BuildTools): ImageInputs['tools'] => ({
  clang: tools.clang.path,
  lld: tools.lld.path,
  ar: tools['llvm-ar'].path,
  objcopy: tools['llvm-objcopy'].path,
  dtc: tools.dtc.path,
});

type BuildTools = Readonly<Record<'clang' | 'lld' | 'llvm-ar' | 'llvm-objcopy' | 'dtc', Tool>>;

/** The system, if the machine has the memory for it. Warnings are printed. */
async function describeFitting(
  context: CommandContext,
  {
    sdk,
    images,
    ...described
  }: { board: Board; sdk: SdkBoard; images: GuestImages; dtc: string; referenceDts: string },
): Promise<VsockSystem> {
  const { settings } = context;
  const { board } = described;
  const describe = await loadDescription(context, { ...described, buildDir: buildDirectory(settings) });
  const guestFilesBytes = await estimateGuestBytes(images);
  const count = guestCount(settings);
  const system = describe(count);
  const needOf = (guests: number): MemoryNeed =>
    addUpMemory({
      sdk,
      loadAddress: board.loadAddress,
      system: describe(guests).system,
      guestFilesBytes,
    });
  const findings = checkMemory(needOf, { count, min: vsockGuestCounts.min, board: board.name });
  printDiagnostics([...system.warnings, ...refuseErrors(findings)]);
  return system;
}
