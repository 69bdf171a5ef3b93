// SPDX-License-Identifier: BSD-2-Clause
// What the tests of unpacking share: an archive, an empty directory for it, and a look at what is beside that afterwards.
import { mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { type UnpackOptions, unpack } from '../../../make/store/unpack.ts';
import { refusedBy } from '../refused.ts';
import { scratchDir, write } from '../scratch.ts';
import type { TarEntry } from './tarball.ts';

export interface Unpacking {
  readonly archive: string;
  readonly into: string;
  readonly run: (limits?: UnpackOptions['limits']) => ReturnType<typeof unpack>;
}

export function prepare(bytes: Buffer): Unpacking {
  const outer = scratchDir('out side');
  const archive = write(outer, 'archive.tar.gz', bytes);
  const into = join(outer, 'in');
  mkdirSync(into);
  const signal = new AbortController().signal;
  return { archive, into, run: (limits = {}) => unpack({ archive, into, signal, limits }) };
}

export const top: TarEntry = { name: 'sdk/', type: '5', mode: 0o744 };
export const file = (name: string, body = ''): TarEntry => ({ name, body });

/** Everything below `directory`, with what it is. */
export function list(directory: string, prefix = ''): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const name = prefix + entry.name;
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return [`${name}/`, ...list(path, `${name}/`)];
      return entry.isSymbolicLink() ? [`${name} -> ${readlinkSync(path)}`] : [name];
    });
}

/** Refused with `code`; beside the archive and its directory nothing has come. */
export async function expectRefused(bytes: Buffer, code: string, words: RegExp | string): Promise<void> {
  const unpacking = prepare(bytes);
  const refused = await refusedBy(() => unpacking.run({ entries: 50, bytes: 10_000_000 }));
  expect(`${refused.code} ${refused.message}`).toMatch(words);
  expect(refused.code).toBe(code);
  expect(readdirSync(dirname(unpacking.into)).toSorted()).toEqual(['archive.tar.gz', 'in']);
}
