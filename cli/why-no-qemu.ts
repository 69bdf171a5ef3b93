// SPDX-License-Identifier: BSD-2-Clause
// Whether the run can be the real one, on seL4: the question that `npm start` asks before it chooses.
import { loadBoard } from '../boards/index.ts';
import { findSdk } from '../make/store/sdk.ts';
import { openBoard } from '../make/store/sdk-board.ts';
import { findSources } from '../make/store/sources.ts';
import { Refusal } from '../meta/diagnostic.ts';
import { loadAll } from './load.ts';
import type { CommandContext } from './vmbuild.ts';

/**
 * Undefined if `qemu` has its SDK and its sources, else why not, in one line. They are looked for as a build looks for
 * them; this is also the place to fetch them, within seconds or not at all.
 */
export async function whyNoQemu({ settings, env }: CommandContext): Promise<string | undefined> {
  const allowStack = settings.on('allow-stack');
  const board = await loadBoard(settings.text('board') ?? '');
  try {
    await loadAll({
      sdk: () =>
        openBoard(
          findSdk({ sdk: settings.flag('sdk'), env, allowStack }),
          board.name,
          settings.text('config') ?? '',
        ),
      sources: () =>
        findSources({ libvmm: settings.flag('libvmm'), sddf: settings.flag('sddf'), env, allowStack }),
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const [first, ...more] = error.diagnostics.filter(({ severity }) => severity === 'error');
    return `${first?.message ?? 'no reason given'}${more.length === 0 ? '' : `, and ${more.length} more`}`;
  }
}
