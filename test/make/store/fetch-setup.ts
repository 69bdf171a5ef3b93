// SPDX-License-Identifier: BSD-2-Clause
// What the tests of fetching share: a small GitHub, an empty store, and a look at what should not be in it.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fetchStack, type FetchStackOptions, type StackReport } from '../../../make/store/fetch-stack.ts';
import { stack as ownStack } from '../../../make/stack.ts';
import { scratchDir } from '../scratch.ts';
import { type GitHub, platform, startGitHub } from './github.ts';

export interface Setup {
  readonly github: GitHub;
  readonly cache: string;
  readonly retries: string[];
  readonly options: FetchStackOptions;
  readonly run: (changes?: Partial<FetchStackOptions>) => Promise<StackReport>;
}

export async function setUp(): Promise<Setup> {
  const github = await startGitHub();
  const cache = join(scratchDir(), 'my cache');
  const retries: string[] = [];
  const options: FetchStackOptions = {
    env: { VMBUILD_CACHE: cache },
    github: github.base,
    stack: github.stack,
    platform,
    signal: new AbortController().signal,
    limits: { retryDelayMs: 1 },
    onRetry: (message) => retries.push(message),
  };
  return { github, cache, retries, options, run: (changes = {}) => fetchStack({ ...options, ...changes }) };
}

export const sdkPath = ({ cache }: Setup): string => join(cache, `sdk/microkit-sdk-${ownStack.microkit}`);
export const sourcePath = ({ cache, github }: Setup, name: 'libvmm' | 'sddf'): string =>
  join(cache, `src/${name}-${github.stack[name].commit}`);

/** Files below the cache that are neither of a whole SDK nor of a whole source tree. */
export function leftovers({ cache }: Setup): string[] {
  if (!existsSync(cache)) return [];
  return ['sdk', 'src', 'downloads'].flatMap((room) =>
    existsSync(join(cache, room))
      ? readdirSync(join(cache, room))
          .filter(
            (name) => !/^microkit-sdk-[\d.]+$|^(libvmm|sddf)-[0-9a-f]{40}$|\.tar\.gz\.sha256$/.test(name),
          )
          .map((name) => join(room, name))
      : [],
  );
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
