// SPDX-License-Identifier: BSD-2-Clause
// Whether the run can be the real one, on seL4: the question that `npm start` asks before it chooses. What is missing of
// the SDK and the sources is fetched, within seconds or, if they cannot be reached, not at all.
import { loadBoard } from '../boards/index.ts';
import { fetchStack } from '../make/store/fetch-stack.ts';
import { findSdk } from '../make/store/sdk.ts';
import { openBoard } from '../make/store/sdk-board.ts';
import { findSources } from '../make/store/sources.ts';
import { refuse, Refusal } from '../meta/diagnostic.ts';
import { askYes } from './ask.ts';
import { reportFetch } from './fetch-progress.ts';
import { loadAll } from './load.ts';
import type { CommandContext } from './vmbuild.ts';

/** Undefined if `qemu` has its SDK and its sources, as a build looks for them, else why not, in one line. */
export async function whyNoQemu(context: CommandContext): Promise<string | undefined> {
  const { settings, env } = context;
  const allowStack = settings.on('allow-stack');
  const board = await loadBoard(settings.text('board') ?? '');
  const given = { sdk: settings.flag('sdk'), libvmm: settings.flag('libvmm'), sddf: settings.flag('sddf') };
  try {
    await fetchMissing(context, given);
    await loadAll({
      sdk: () => openBoard(findSdk({ ...given, env, allowStack }), board.name, settings.text('config') ?? ''),
      sources: () => findSources({ ...given, env, allowStack }),
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const [first, ...more] = error.diagnostics.filter(({ severity }) => severity === 'error');
    return `${first?.message ?? 'no reason given'}${more.length === 0 ? '' : `, and ${more.length} more`}`;
  }
}

/** On a terminal it is asked before anything large comes over the network. */
async function fetchMissing(
  { settings, env, signal }: CommandContext,
  given: Parameters<typeof fetchStack>[0]['given'],
): Promise<void> {
  const { clear, onAnnounce, ...callbacks } = reportFetch(settings);
  const isAsked = process.stdin.isTTY && process.stderr.isTTY && !settings.on('yes');
  await fetchStack({
    env,
    signal,
    ...(given === undefined ? {} : { given }),
    github: settings.text('github'),
    isOffline: settings.on('offline'),
    ...callbacks,
    onAnnounce: async (items) => {
      await onAnnounce(items);
      if (isAsked && !(await askYes('Fetch these?', signal)))
        refuse('STORE104', 'the SDK and the sources are not fetched, as you answered', {
          hint: 'run vmbuild fetch when you want them',
        });
    },
  }).finally(clear);
}
