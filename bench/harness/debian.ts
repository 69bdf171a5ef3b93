// SPDX-License-Identifier: BSD-2-Clause
// Debian's guest for a benchmark, fetched if it has to be.
import { settle } from '../../cli/options.ts';
import { reportBuild, reportDebian } from '../../cli/progress.ts';
import { type DebianGuest, fetchDebianGuest } from '../../linux/debian.ts';
import { runSteps } from '../../make/engine.ts';
import type { Step } from '../../make/step.ts';
import { cacheDir } from '../../make/store/cache.ts';

const settings = settle({}, {}, []);

/** `version`: of the kernel, as `--guest debian=VERSION` takes it. */
export const benchGuest = (signal: AbortSignal, version?: string): Promise<DebianGuest> =>
  fetchDebianGuest({
    cacheDir: cacheDir(process.env),
    offline: false,
    signal,
    onProgress: reportDebian(settings),
    ...(version === undefined ? {} : { version }),
  });

export async function benchBuild(
  steps: readonly Step[],
  buildDir: string,
  signal: AbortSignal,
): Promise<void> {
  await runSteps(steps, { buildDir, signal, onEvent: reportBuild(settings) });
}
