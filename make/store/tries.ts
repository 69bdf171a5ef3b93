// SPDX-License-Identifier: BSD-2-Clause
// Tries again what is transient, after a pause that grows and has jitter, or that the server asked for.
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../../meta/diagnostic.ts';
import { NetworkFault } from './network-fault.ts';
import type { NetworkLimits } from './limits.ts';

export interface TriesOptions {
  readonly signal: AbortSignal;
  readonly limits: NetworkLimits;
  /** Before each pause. */
  readonly onRetry?: ((message: string, delayMs: number) => void) | undefined;
}

/** What `attempt` gives. The last NetworkFault is thrown as a Refusal; everything else is thrown as it is. */
export async function withTries<T>(
  attempt: () => Promise<T>,
  { signal, limits, onRetry }: TriesOptions,
): Promise<T> {
  for (let done = 1; ; done += 1) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof NetworkFault)) throw error;
      const { diagnostic, isTransient, retryAfterMs = 0, message } = error;
      if (!isTransient) throw new Refusal([diagnostic]);
      if (retryAfterMs > limits.maxRetryAfterMs)
        throw new Refusal([
          {
            ...diagnostic,
            message: `${message} and asks to wait ${Math.ceil(retryAfterMs / 1000)} s, more than ${limits.maxRetryAfterMs / 1000} s`,
          },
        ]);
      if (done >= limits.tries)
        throw new Refusal([{ ...diagnostic, message: `${message}, ${done} times in all` }]);
      const pauseMs = limits.retryDelayMs * 2 ** (done - 1) * (0.5 + Math.random());
      const delayMs = Math.max(retryAfterMs, pauseMs);
      onRetry?.(message, delayMs);
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
