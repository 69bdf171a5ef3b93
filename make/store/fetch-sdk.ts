// SPDX-License-Identifier: BSD-2-Clause
// The SDK's release archive, into the store. The digest that is pinned is that of the tree inside.
import { refuse } from '../../meta/diagnostic.ts';
import { fetchArchive, type FetchArchiveOptions } from './fetch-archive.ts';
import { narHash } from './nar.ts';

export interface FetchSdkOptions extends FetchArchiveOptions {
  /** NAR SHA-256 of the tree in it, as `sha256-…`. */
  readonly treeHash: string;
}

/** An archive that lies there is taken without asking anybody; one that was downloaded is removed afterwards. */
export const fetchSdk = (options: FetchSdkOptions): Promise<void> =>
  fetchArchive(options, {
    changedCode: 'SDK110',
    judge: async (quarantine, name) => {
      const found = await narHash(quarantine, { signal: options.signal });
      if (found !== options.treeHash)
        refuse('SDK111', `the tree in ${name} has NAR hash ${found}, but ${options.treeHash} is pinned`, {
          hint: 'fetch it from another place; unpack one that you have built yourself, and name it with --sdk',
        });
      return quarantine;
    },
  });
