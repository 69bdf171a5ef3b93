// SPDX-License-Identifier: BSD-2-Clause
// At most so many tasks at a time; among those that wait, the one with the highest priority goes first.

export interface Pool {
  /** Runs `task` when there is room. Rejects with the signal's reason, without running it, once that is aborted. */
  run<T>(priority: number, task: () => Promise<T>): Promise<T>;
}

export function makePool(jobs: number, signal: AbortSignal): Pool {
  const waiting: { priority: number; start: () => void; giveUp: () => void }[] = [];
  let running = 0;

  const next = (): void => {
    if (running >= jobs || waiting.length === 0) return;
    let best = 0;
    for (const [index, { priority }] of waiting.entries())
      if (priority > (waiting[best]?.priority ?? 0)) best = index;
    waiting.splice(best, 1)[0]?.start();
  };

  signal.addEventListener('abort', () => {
    for (const { giveUp } of waiting.splice(0)) giveUp();
  });

  return {
    run: (priority, task) =>
      new Promise((resolve, reject) => {
        const giveUp = (): void => {
          reject(signal.reason as Error);
        };
        if (signal.aborted) {
          giveUp();
          return;
        }
        const start = (): void => {
          running += 1;
          // Started in an async function, so that a task that throws before its first await is a failed task too.
          (async () => task())()
            .then(resolve, reject)
            .finally(() => {
              running -= 1;
              next();
            });
        };
        waiting.push({ priority, start, giveUp });
        // Tasks that become ready in the same turn are compared before the first of them starts.
        queueMicrotask(next);
      }),
  };
}
