// SPDX-License-Identifier: BSD-2-Clause
// Images of every board for the judge: the real SDK, libvmm, sDDF and tools, with a kernel that is a header and nothing
// more, so that an image of another value takes a second.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { type Board, loadBoard, referenceDts } from '../../boards/index.ts';
import { toolPaths } from '../../cli/image.ts';
import { type ImageInputs, planImage } from '../../Makefile.ts';
import { runSteps } from '../../make/engine.ts';
import type { Step } from '../../make/step.ts';
import { findSdk } from '../../make/store/sdk.ts';
import { openBoard, type SdkBoard } from '../../make/store/sdk-board.ts';
import { findSources } from '../../make/store/sources.ts';
import { findTools } from '../../make/tools/find.ts';
import { type DeviceTree, describeVsockSystem, Refusal } from '../../meta/index.ts';
import { makeImage } from '../linux/kernels.ts';
import { compileBoardTree } from '../meta/vsock-fixture.ts';
import { requireOrSkip } from '../require.ts';
import { needTools, packageRoot } from './program.ts';

/** A board and the tree that it is described with, any value of which may be another's. */
export interface Described {
  readonly board: Board;
  readonly tree: DeviceTree;
}

export const describedAs = async (name: string): Promise<Described> => ({
  board: await loadBoard(name),
  tree: compileBoardTree(name),
});

export async function needBoard(ctx: TestContext, name: string, config: string): Promise<void> {
  let reason = '';
  try {
    openBoard(findSdk({ env: process.env }), name, config);
    findSources({ env: process.env });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    reason = error.message;
  }
  requireOrSkip(ctx, 'sdk', reason === '', reason);
  await needTools(ctx, 'clang', ['clang', 'lld', 'llvm-ar', 'llvm-objcopy', 'dtc']);
}

/** One build directory for a board and configuration, in which images of it are made one after the other. */
export class ImageBench {
  readonly directory = mkdtempSync(join(tmpdir(), 'vmbuild-judge-'));
  readonly #name: string;
  readonly #config: string;
  constructor(name: string, config: string) {
    this.#name = name;
    this.#config = config;
    writeFileSync(join(this.directory, 'Image'), makeImage());
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Builds all of it; codes of what was refused. */
  build(described: Described): Promise<string[]> {
    return this.#run(described, () => true);
  }

  /** Judges what lies there by another description of the board, or for another SDK; nothing is built. */
  judge(described: Described, change: (sdk: SdkBoard) => SdkBoard = (sdk) => sdk): Promise<string[]> {
    return this.#run(described, ({ name }) => name === 'judge', change);
  }

  async #run(
    described: Described,
    isWanted: (step: Step) => boolean,
    change: (sdk: SdkBoard) => SdkBoard = (sdk) => sdk,
  ): Promise<string[]> {
    const inputs = await this.#inputs(described);
    const steps = planImage({ ...inputs, sdk: change(inputs.sdk) }).filter(isWanted);
    try {
      await runSteps(steps, { buildDir: this.directory, signal: AbortSignal.timeout(600_000) });
      return [];
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return error.diagnostics.map(({ code }) => code);
    }
  }

  async #inputs({ board, tree }: Described): Promise<ImageInputs> {
    const sources = findSources({ env: process.env });
    const tools = await findTools(['clang', 'lld', 'llvm-ar', 'llvm-objcopy', 'dtc'], process.env);
    return {
      board,
      sdk: openBoard(findSdk({ env: process.env }), this.#name, this.#config),
      libvmm: sources.libvmm.path,
      sddf: sources.sddf.path,
      referenceDts: referenceDts(this.#name, sources.sddf.path),
      vmm: join(packageRoot, 'vmm'),
      programs: join(packageRoot, 'linux/programs'),
      tools: toolPaths(tools),
      system: describeVsockSystem({ board, tree, guests: [board.guest, board.guest] }),
      images: { kernel: { path: join(this.directory, 'Image'), release: undefined }, modules: [] },
      nonce: 1n,
      after: 'poweroff',
    };
  }
}
