// SPDX-License-Identifier: BSD-2-Clause
// A source tree at its pinned commit, into the store: made in a quarantine beside its place, then renamed.
import { mkdir, rename, rm } from 'node:fs/promises';
import { temporaryFor } from '../temporary.ts';
import { fetchCommit } from '../tools/git.ts';
import type { Environment } from './cache.ts';
import { type GitLimits, networkLimits } from './limits.ts';
import type { Network } from './network.ts';
import { faultOfStatus } from './network-fault.ts';
import { showUrl } from './origin.ts';
import { withTries } from './tries.ts';

export interface FetchSourceOptions {
  /** Not needed for `file:`. */
  readonly network?: Network | undefined;
  /** Of the repository. */
  readonly url: URL;
  readonly authorization?: string | undefined;
  readonly commit: string;
  /** Where it will be; its directory is there. */
  readonly target: string;
  readonly env: Environment;
  readonly signal: AbortSignal;
  readonly limits?: Partial<GitLimits>;
  readonly onProgress?: (receivedBytes: number) => void;
  readonly onRetry?: ((message: string, delayMs: number) => void) | undefined;
}

export async function fetchSource(options: FetchSourceOptions): Promise<void> {
  const { network, url, target, signal, onRetry } = options;
  await withTries(
    async () => {
      const quarantine = temporaryFor(target);
      try {
        await mkdir(quarantine);
        await fetchCommit({ ...options, url: url.href, directory: quarantine });
        await rename(quarantine, target);
      } finally {
        await rm(quarantine, { recursive: true, force: true });
      }
    },
    { signal, limits: network?.limits ?? networkLimits, onRetry },
  );
}

/**
 * Asks the host for the repository as git will. git has no limit of its own for connecting, and says of a host that is
 * out of reach less than we do.
 */
export function askRepository(
  options: Pick<FetchSourceOptions, 'url' | 'authorization' | 'signal' | 'onRetry'> & {
    readonly network: Network;
  },
): Promise<void> {
  const { network, url, authorization, signal, onRetry } = options;
  const refs = new URL(`${url.href}/info/refs?service=git-upload-pack`);
  return withTries(
    async () => {
      const answer = await network.send({ method: 'GET', url: refs, authorization, signal });
      answer.body.destroy();
      if (answer.status !== 200)
        throw faultOfStatus(answer.status, answer.header('retry-after'), showUrl(url));
    },
    { signal, limits: network.limits, onRetry },
  );
}
