// SPDX-License-Identifier: BSD-2-Clause
// What the tests of downloads share: a server with one file, a place for it, and a network with short pauses.
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { download, type DownloadOptions } from '../../../make/store/download.ts';
import type { NetworkLimits } from '../../../make/store/limits.ts';
import { openNetwork } from '../../../make/store/network.ts';
import { scratchDir } from '../scratch.ts';
import { type FileServer, serveFile } from './file-server.ts';

export const content = randomBytes(300_000);

export interface Setup {
  readonly server: FileServer;
  readonly target: string;
  /** What `onRetry` was told. */
  readonly retries: { message: string; delayMs: number }[];
  readonly run: (changes?: Partial<DownloadOptions>) => Promise<void>;
}

export async function setUp(
  limits: Partial<NetworkLimits> = {},
  env: Record<string, string> = {},
): Promise<Setup> {
  const server = await serveFile(content);
  const target = join(scratchDir('down loads'), 'file.tar.gz');
  const network = openNetwork(env, { retryDelayMs: 1, ...limits });
  onTestFinished(() => network.close());
  const retries: Setup['retries'] = [];
  return {
    server,
    target,
    retries,
    run: (changes = {}) =>
      download({
        network,
        url: server.url,
        target,
        maxBytes: 10_000_000,
        signal: new AbortController().signal,
        onRetry: (message, delayMs) => retries.push({ message, delayMs }),
        ...changes,
      }),
  };
}

export const ranges = ({ requests }: FileServer): (string | undefined)[] =>
  requests.map(({ headers }) => headers.range);
export const filesOf = (target: string): string[] => readdirSync(dirname(target)).toSorted();

export function expectWhole({ target }: Setup, bytes = content): void {
  expect(readFileSync(target).equals(bytes)).toBe(true);
  expect(filesOf(target)).toEqual(['file.tar.gz']);
}
