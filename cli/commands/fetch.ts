// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild fetch`: the Microkit SDK, libvmm and sDDF into the store, as far as they are missing and not named. Its result
// is one line on stdout. With --board, the SDK must have that board.
import { loadBoard } from '../../boards/index.ts';
import { cacheDir } from '../../make/store/cache.ts';
import { fetchStack, type StackReport } from '../../make/store/fetch-stack.ts';
import { findSdk } from '../../make/store/sdk.ts';
import { openBoard } from '../../make/store/sdk-board.ts';
import { findSources } from '../../make/store/sources.ts';
import { exitCode } from '../../meta/diagnostic.ts';
import { reportFetch } from '../fetch-progress.ts';
import { loadAll } from '../load.ts';
import { printDiagnostics } from '../report.ts';
import type { Command, CommandContext } from '../vmbuild.ts';

export const run: Command = async (context) => {
  const { settings, env, signal } = context;
  const board = await loadBoard(settings.text('board') ?? '');
  const { clear, ...callbacks } = reportFetch(settings);
  const report = await fetchStack({
    env,
    signal,
    given: given(context),
    github: settings.text('github'),
    isOffline: settings.on('offline'),
    wait: !settings.on('no-wait'),
    ...callbacks,
  }).finally(clear);
  await judge(context, board.name);
  process.stdout.write(
    settings.on('json')
      ? `${JSON.stringify({ version: 1, ...report })}\n`
      : `${describe(report, cacheDir(env))}\n`,
  );
  return exitCode.ok;
};

const given = ({ settings }: CommandContext) => ({
  sdk: settings.flag('sdk'),
  libvmm: settings.flag('libvmm'),
  sddf: settings.flag('sddf'),
});

/** What is there now, as a build would judge it. */
async function judge(context: CommandContext, board: string): Promise<void> {
  const { settings, env } = context;
  const allowStack = settings.on('allow-stack');
  const { sdk, sources } = await loadAll({
    sdk: () => {
      const found = findSdk({ ...given(context), env, allowStack });
      if (!settings.defaulted('board')) openBoard(found, board, settings.text('config') ?? '');
      return found;
    },
    sources: () => findSources({ ...given(context), env, allowStack }),
  });
  printDiagnostics([...sdk.warnings, ...sources.warnings]);
}

function describe({ parts, fetched }: StackReport, cache: string): string {
  if (fetched.length > 0) return `fetched ${fetched.map(({ name }) => name).join(', ')} into '${cache}'`;
  const places = parts.map(({ name, path, state }) =>
    state === 'given' ? `${name} is given ('${path}')` : `${name} is in the store`,
  );
  return `nothing to fetch: ${places.join(', ')}`;
}
