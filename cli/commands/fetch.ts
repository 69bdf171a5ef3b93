// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild fetch`: the Microkit SDK, libvmm, sDDF and the guest images into the store, as far as they are missing and not
// named. Its result is one line on stdout. The SDK's archive holds all boards: --board fetches no less, but checks that
// yours is among them.
import { loadBoard } from '../../boards/index.ts';
import { cacheDir } from '../../make/store/cache.ts';
import { fetchStack, type StackReport } from '../../make/store/fetch-stack.ts';
import { findSdk } from '../../make/store/sdk.ts';
import { openBoard } from '../../make/store/sdk-board.ts';
import { findSources } from '../../make/store/sources.ts';
import type { FetchItem } from '../../make/store/fetch-tasks.ts';
import { exitCode, Refusal } from '../../meta/diagnostic.ts';
import { reportFetch } from '../fetch-progress.ts';
import { parseGuest } from '../guest-flag.ts';
import { debian, fetchTrustworthy, insteadOf } from '../guest-images.ts';
import { loadAll } from '../load.ts';
import { printDiagnostics, reportSdk, say } from '../report.ts';
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
  const images = await fetchGuest(context);
  const configs = await judge(context, board.name);
  const ofBoard = configs === undefined ? {} : { board: { name: board.name, configs } };
  if (configs !== undefined) say(settings, `the Microkit SDK has board ${board.name}: ${configs.join(', ')}`);
  process.stdout.write(
    settings.on('json')
      ? `${JSON.stringify({ version: 1, ...report, images, ...ofBoard })}\n`
      : `${describe(report, images, cacheDir(env))}\n`,
  );
  return exitCode.ok;
};

/** The images that were fetched. Theirs are not worth a failure: a build can do with Debian's. */
async function fetchGuest(context: CommandContext): Promise<readonly FetchItem[]> {
  const asked = parseGuest(context.settings.text('guest'));
  if (asked?.from === 'debian') {
    await debian({ context, isOffline: context.settings.on('offline') }, asked);
    return [];
  }
  try {
    return (await fetchTrustworthy(context)).fetched;
  } catch (error) {
    if (asked !== undefined || !(error instanceof Refusal)) throw error;
    printDiagnostics([insteadOf(error)]);
    return [];
  }
}

const given = ({ settings }: CommandContext) => ({
  sdk: settings.flag('sdk'),
  libvmm: settings.flag('libvmm'),
  sddf: settings.flag('sddf'),
});

/** Judges what is there now as a build would. If a board was named, gives the configurations that the SDK has for it. */
async function judge(context: CommandContext, board: string): Promise<readonly string[] | undefined> {
  const { settings, env } = context;
  const allowStack = settings.on('allow-stack');
  const isAsked = !settings.defaulted('board');
  const { sdk, sources } = await loadAll({
    sdk: () => {
      const found = findSdk({ ...given(context), env, allowStack });
      if (isAsked) openBoard(found, board, settings.text('config') ?? '');
      return found;
    },
    sources: () => findSources({ ...given(context), env, allowStack }),
  });
  reportSdk(settings, sdk);
  printDiagnostics(sources.warnings);
  return isAsked ? sdk.boards.get(board) : undefined;
}

function describe({ parts, fetched }: StackReport, images: readonly FetchItem[], cache: string): string {
  const all = [...fetched, ...images];
  if (all.length > 0) return `fetched ${all.map(({ name }) => name).join(', ')} into '${cache}'`;
  const places = parts.map(({ name, path, state }) =>
    state === 'given' ? `${name} is given ('${path}')` : `${name} is in the store`,
  );
  return `nothing to fetch: ${places.join(', ')}`;
}
