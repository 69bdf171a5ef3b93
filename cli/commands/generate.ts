// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild generate`: what meta.py of the original wrote, for people who keep their own Makefiles: the system
// description and the config headers; with --data also sdfgen's .data files. Needs Node and dtc, no SDK.
import { basename, join } from 'node:path';
import { loadBoard, referenceDts } from '../../boards/index.ts';
import { runSteps } from '../../make/engine.ts';
import { findSddf } from '../../make/store/sources.ts';
import { findTools } from '../../make/tools/find.ts';
import { writeFile } from '../../make/tools/write.ts';
import { configuredPds, renderConfigHeader, renderData } from '../../meta/config/component.ts';
import { type GeneratedFile, generateAll } from '../../meta/generated.ts';
import { renderSdf } from '../../meta/sdf/render.ts';
import { exitCode, refuse, refuseErrors } from '../../meta/diagnostic.ts';
import { describeSystem } from '../describe.ts';
import { engineOptions } from '../engine-options.ts';
import { buildDirectory, checkedDirectory, type Settings } from '../options.ts';
import { refuseOverwriting } from '../overwriting.ts';
import { reportBuild } from '../progress.ts';
import { printDiagnostics } from '../report.ts';
import { type Seen, watching } from '../watch.ts';
import type { Command, CommandContext } from '../vmbuild.ts';

export const run: Command = async (context) => watching(context, (seen) => generate(context, seen));

async function generate(context: CommandContext, seen: Seen): Promise<number> {
  const { settings, env } = context;
  const output = settings.text('output');
  const directory = output === undefined ? buildDirectory(settings) : checkedDirectory(output);
  const own = settings.text('system');
  if (own !== undefined) return generateOwn(context, { own, directory, seen });
  const sdf = checkedName(settings);
  const board = await loadBoard(settings.text('board') ?? '');
  const { dtc } = await findTools(['dtc'], env);
  const { system, configs } = await describeSystem(context, {
    board,
    buildDir: directory,
    dtc: dtc.path,
    ...givenSddf(context, board.name),
  });
  const files = [
    { name: sdf, content: renderSdf(system) },
    ...configuredPds(configs).map((pd) => ({
      name: join('config', `${pd}.config.h`),
      content: renderConfigHeader(pd, configs),
    })),
    ...(settings.on('data')
      ? configs.map((config) => ({ name: config.dataFile, content: renderData(config) }))
      : []),
  ];
  return writeFiles(context, directory, files);
}

/** The same for a system of the user's own, with headers of the structs and numbers that it has. */
async function generateOwn(
  context: CommandContext,
  { own, directory, seen }: { own: string; directory: string; seen: Seen },
): Promise<number> {
  const { settings } = context;
  const { loadUserSystem, refuseGuestCount } = await import('../user-system.ts');
  refuseGuestCount(settings);
  const described = await loadUserSystem(context, own, { buildDir: directory });
  seen(described.inputs);
  const sdf = settings.defaulted('sdf') ? `${described.name}.system` : checkedName(settings);
  printDiagnostics(refuseErrors(described.findings));
  return writeFiles(context, directory, generateAll(sdf, described, { withData: settings.on('data') }));
}

function checkedName(settings: Settings): string {
  const sdf = settings.text('sdf') ?? '';
  if (basename(sdf) !== sdf || sdf === '.' || sdf === '..')
    refuse('ARG106', `--sdf '${sdf}' is no plain file name`, {
      hint: 'choose the directory with --output',
      exit: exitCode.usage,
    });
  return sdf;
}

async function writeFiles(
  { settings, signal }: CommandContext,
  directory: string,
  files: readonly GeneratedFile[],
): Promise<number> {
  const paths = files.map(({ name }) => join(directory, name));
  refuseOverwriting(settings, paths);
  await runSteps(
    files.map(({ name, content }) => writeFile(name, content)),
    { buildDir: directory, signal, ...engineOptions(settings), onEvent: reportBuild(settings) },
  );
  process.stdout.write(
    settings.on('json') ? `${JSON.stringify({ version: 1, files: paths })}\n` : `${paths.join('\n')}\n`,
  );
  return exitCode.ok;
}

/** sDDF is only looked at if the user names it; the board's data says the same of the sDDF that vmbuild is made for. */
function givenSddf(
  { settings, env }: CommandContext,
  board: string,
): { sddf?: string; referenceDts?: string } {
  if (settings.text('sddf') === undefined) return {};
  const { source, warnings } = findSddf({ sddf: settings.flag('sddf'), env });
  printDiagnostics(warnings);
  return { sddf: source.path, referenceDts: referenceDts(board, source.path) };
}
