// SPDX-License-Identifier: BSD-2-Clause
// A source tree at its pinned commit, into the store: made in a quarantine beside its place, then renamed.
import { mkdir, rename, rm } from 'node:fs/promises';
import { temporaryFor } from '../temporary.ts';
import { fetchCommit } from '../tools/git.ts';
import type { Environment } from './cache.ts';
import { type GitLimits, networkLimits } from './limits.ts';
import { faultOfStatus } from './network-fault.ts';
import { showUrl } from './origin.ts';
import type { MaybeRemote, Remote } from './remote.ts';
import { withTries } from './tries.ts';

/** `url` is that of the repository; for `file:` no network is needed. */
export interface FetchSourceOptions extends MaybeRemote {
  readonly commit: string;
  /** Where it will be; its directory is there. */
  readonly target: string;
  readonly env: Environment;
  readonly limits?: Partial<GitLimits>;
  readonly onProgress?: (receivedBytes: number) => void;
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
export function askRepository({ network, url, authorization, signal, onRetry }: Remote): Promise<void> {
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
