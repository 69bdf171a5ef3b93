// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild artifacts`: images for one board or all, and of each board an archive for whoever puts them on it.
import { basename, join } from 'node:path';
import { boardNames, loadBoard } from '../../boards/index.ts';
import { runSteps, type RunReport } from '../../make/engine.ts';
import type { BuildEvent } from '../../make/events.ts';
import { cacheDir } from '../../make/store/cache.ts';
import type { Sdk } from '../../make/store/sdk.ts';
import { readState } from '../../make/state.ts';
import type { Step } from '../../make/step.ts';
import type { ImageInputs } from '../../Makefile.ts';
import { type Diagnostic, exitCode, refuseErrors } from '../../meta/diagnostic.ts';
import { errorFinding } from '../../meta/finding.ts';
import { type BoardArchive, type Built, packBoard } from '../artifacts.ts';
import { planImages } from '../artifacts-plan.ts';
import { engineOptions } from '../engine-options.ts';
import { writeStepSummary } from '../github.ts';
import { type ImageName, loadImages } from '../image.ts';
import { loadAll } from '../load.ts';
import { buildDirectory, checkedDirectory, type Settings } from '../options.ts';
import { describeSteps, reportBuild } from '../progress.ts';
import { say } from '../report.ts';
import type { Command, CommandContext } from '../vmbuild.ts';

export const run: Command = async (context) => {
  const { settings } = context;
  const loaded = await loadImages(context, await chooser(settings));
  const images = new Map(loaded.images.map((image) => [nameOf(image), image]));
  const steps = planImages(images);
  const buildDir = buildDirectory(settings);
  const archiveDir = checkedDirectory(settings.text('output') ?? join(buildDir, 'artifacts'));
  if (settings.on('dry-run')) {
    process.stdout.write(describeSteps(steps));
    return exitCode.ok;
  }
  const { report, durations } = await build(context, steps, buildDir);
  say(settings, `${report.ran.length} steps ran, ${report.fresh.length} were fresh`);
  const recorded = await readState(buildDir);
  const built = { loaded, images, steps, durations, buildDir, recorded, store: cacheDir(context.env) };
  const archives = await packAll(context, built, archiveDir);
  await writeStepSummary(context.env, archives);
  const lines = settings.on('json')
    ? [JSON.stringify({ version: 1, archives })]
    : archives.map(({ path }) => path);
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  return exitCode.ok;
};

/** Its directory under the build directory, and in the archive. */
const nameOf = ({ board, sdk }: ImageInputs): string => `${board.name}-${sdk.config}`;

/** The images that --board and --config name; names that are no board are refused before anything else is looked at. */
async function chooser(settings: Settings): Promise<(sdk: Sdk) => readonly ImageName[]> {
  const boards = listOf(settings, 'board');
  const configs = listOf(settings, 'config');
  const isAll = boards.includes('all');
  if (!isAll) await loadAll(Object.fromEntries(boards.map((board) => [board, () => loadBoard(board)])));
  return (sdk) => {
    const chosen = isAll ? boardNames().filter((board) => sdk.boards.has(board)) : boards;
    if (isAll) say(settings, `boards of SDK ${sdk.version} that vmbuild knows: ${chosen.join(', ')}`);
    return chosen.flatMap((board) => configs.map((config) => ({ board, config })));
  };
}

function listOf(settings: Settings, name: 'board' | 'config'): string[] {
  const words = (settings.text(name) ?? '').split(',').map((word) => word.trim());
  const found: Diagnostic[] = words.flatMap((word, i) => {
    if (word !== '' && words.indexOf(word) === i) return [];
    const what = word === '' ? 'names nothing between two commas' : `names '${word}' twice`;
    return [
      errorFinding('ARG150', `--${name} ${words.join(',')} ${what}`, {
        hint: `give --${name} a list like a,b`,
      }),
    ];
  });
  refuseErrors(found, exitCode.usage);
  return words;
}

/** Builds all; an image that fails does not keep the others from being tried. */
async function build(
  { settings, signal }: CommandContext,
  steps: readonly Step[],
  buildDir: string,
): Promise<{ report: RunReport; durations: ReadonlyMap<string, number> }> {
  const durations = new Map<string, number>();
  const tell = reportBuild(settings);
  const report = await runSteps(steps, {
    buildDir,
    signal,
    ...engineOptions(settings),
    keepGoing: true,
    onEvent: (event: BuildEvent) => {
      if (event.kind === 'finished') durations.set(event.step.name, event.durationMs);
      tell(event);
    },
  });
  return { report, durations };
}

async function packAll(
  { settings, signal }: CommandContext,
  built: Built,
  archiveDir: string,
): Promise<readonly BoardArchive[]> {
  const archives: BoardArchive[] = [];
  for (const board of new Set([...built.images.values()].map((image) => image.board.name))) {
    const path = join(archiveDir, `vsock-${board}.tar.gz`);
    say(settings, `packing ${basename(path)}`);
    archives.push(await packBoard(board, built, path, signal));
  }
  return archives;
}
