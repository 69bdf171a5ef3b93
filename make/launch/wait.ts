// SPDX-License-Identifier: BSD-2-Clause
// What a run waits for beside its machines: the deadline, and the user who has had enough.
import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves after `ms`, or with `signal`; never, but for the signal, if there is no deadline. */
export const deadline = async (ms: number | undefined, signal: AbortSignal): Promise<'late'> => {
  await (ms === undefined ? never(signal) : sleep(ms, undefined, { signal }).catch(() => undefined));
  return 'late';
};

/** Resolves when `signal` is aborted, or with `done`. */
export const aborted = async (signal: AbortSignal, done: AbortSignal): Promise<'aborted'> => {
  await never(AbortSignal.any([signal, done]));
  return 'aborted';
};

/** Resolves only when `signal` is aborted. */
const never = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
