// SPDX-License-Identifier: BSD-2-Clause
// What everything that asks a server for something is given. One shape, so that who fetches passes it on whole.
import type { Network } from './network.ts';

export interface Remote {
  readonly network: Network;
  readonly url: URL;
  /** Value of an Authorization header. */
  readonly authorization?: string | undefined;
  readonly signal: AbortSignal;
  /** Before each pause that comes before another try. */
  readonly onRetry?: ((message: string, delayMs: number) => void) | undefined;
}

/** For what may lie on this machine too (`file:`, or put there by hand): then nobody is asked. */
export interface MaybeRemote extends Omit<Remote, 'network'> {
  readonly network: Network | undefined;
}
