// SPDX-License-Identifier: BSD-2-Clause
// What `build` and `qemu` share: settings to inputs, inputs to a plan, and the plan run.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type ImageInputs, outputs, planImage } from '../Makefile.ts';
import { type Board, loadBoard, packageDirectory } from '../boards/index.ts';
import { formatNonce } from '../linux/bootargs.ts';
import { estimateGuestBytes } from '../linux/guest-size.ts';
import type { GuestImages } from '../linux/images.ts';
import { runSteps, type RunReport } from '../make/engine.ts';
import { addUpMemory, checkMemory, type MemoryNeed } from '../make/image-memory.ts';
import { findSdk } from '../make/store/sdk.ts';
import { openBoard, type SdkBoard } from '../make/store/sdk-board.ts';
import { findSources } from '../make/store/sources.ts';
import type { Step } from '../make/step.ts';
import { findTools, type ToolName } from '../make/tools/find.ts';
import { refuseErrors, vsockGuestCounts, type VsockSystem } from '../meta/index.ts';
import { guestCount, loadDescription } from './describe.ts';
import { engineOptions } from './engine-options.ts';
import { appendedWords, guestImagesTask } from './guest-images.ts';
import { loadAll } from './load.ts';
import { buildDirectory } from './options.ts';
import { printDiagnostics, say } from './report.ts';
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

/** Everything that the plan follows from. What is missing or wrong is refused together. */
export async function loadImageInputs(
  context: CommandContext,
  alsoTools: readonly ToolName[] = [],
): Promise<ImageInputs> {
  const { settings, env } = context;
  const config = settings.text('config') ?? '';
  const append = settings.text('append') ?? '';
  const allowStack = settings.on('allow-stack');
  const board = await loadBoard(settings.text('board') ?? '');
  const { sdk, sources, tools, guest } = await loadAll({
    sdk: () => {
      const sdk = findSdk({ sdk: settings.flag('sdk'), env, allowStack });
      printDiagnostics(sdk.warnings);
      return openBoard(sdk, board.name, config);
    },
    sources: () =>
      findSources({ libvmm: settings.flag('libvmm'), sddf: settings.flag('sddf'), env, allowStack }),
    tools: () => findTools(['clang', 'lld', 'llvm-ar', 'llvm-objcopy', 'dtc', ...alsoTools], env),
    guest: guestImagesTask(context),
  });
  printDiagnostics([...sources.warnings, ...guest.warnings]);

  const { images } = guest;
  const system = await describeFitting(context, { board, sdk, images, dtc: tools.dtc.path });
  return {
    board,
    sdk,
    libvmm: sources.libvmm.path,
    sddf: sources.sddf.path,
    vmm: join(packageDirectory(), 'vmm'),
    programs: join(packageDirectory(), 'linux', 'programs'),
    tools: {
      clang: tools.clang.path,
      lld: tools.lld.path,
      ar: tools['llvm-ar'].path,
      objcopy: tools['llvm-objcopy'].path,
      dtc: tools.dtc.path,
    },
    system,
    images,
    nonce: nonceOf(board.name, config, images.kernel.release ?? '', append, String(system.guests.length)),
    // The guests stay, each with a shell, as the original's do; the run is over when both have said their verdict.
    after: 'shell',
    kernelOptions: { more: appendedWords(append) },
  };
}

/** The system, if the machine has the memory for it. Warnings are printed. */
async function describeFitting(
  context: CommandContext,
  { board, sdk, images, dtc }: { board: Board; sdk: SdkBoard; images: GuestImages; dtc: string },
): Promise<VsockSystem> {
  const { settings } = context;
  const describe = await loadDescription(context, { board, buildDir: buildDirectory(settings), dtc });
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

/**
 * The guests' payload derives from it. It is part of the image, so that the same inputs make the same image, and an
 * image or a log of another board, configuration, kernel or number of guests does not pass for this one's.
 */
const nonceOf = (...parts: readonly string[]): bigint =>
  createHash('sha256').update(parts.join('\0')).digest().readBigUInt64BE();
