// SPDX-License-Identifier: BSD-2-Clause
// Remembered digests are never wrong: neither for a file that changes within one tick of the clock, nor for one whose
// times were set back.
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { digestText, FileDigests } from '../../make/file-digests.ts';
import type { FileRecord } from '../../make/state.ts';
import { scratchDir, write } from './scratch.ts';

it('a file that changes right after it was read, keeping its size, is read again', async () => {
  const directory = scratchDir();
  const path = write(directory, 'x', 'a');
  const records = new Map<string, FileRecord>();
  for (let i = 0; i < 60; i += 1) {
    writeFileSync(path, 'a');
    await new FileDigests(records).digest(path);
    writeFileSync(path, 'b');
    expect(await new FileDigests(records).digest(path)).toBe(digestText('b'));
  }
});

it('an output that is written over right after it was settled is read again', async () => {
  const directory = scratchDir();
  const records = new Map<string, FileRecord>();
  for (let i = 0; i < 30; i += 1) {
    const digests = new FileDigests(records);
    const temporary = write(directory, 'temporary', 'a');
    const digest = await digests.digestNew(temporary);
    renameSync(temporary, join(directory, 'x'));
    digests.settle(join(directory, 'x'), digest);
    writeFileSync(join(directory, 'x'), 'b');
    expect(await new FileDigests(records).digest(join(directory, 'x'))).toBe(digestText('b'));
  }
});

it('[Concurrency] clock skew: times that were set back hide nothing', async () => {
  const path = write(scratchDir(), 'x', 'a');
  const records = new Map<string, FileRecord>();
  utimesSync(path, 1000, 1000);
  await new FileDigests(records).digest(path);
  writeFileSync(path, 'b');
  utimesSync(path, 1000, 1000);
  expect(await new FileDigests(records).digest(path)).toBe(digestText('b'));
});

it('within a run a file counts as read once; whether it changed since can be asked', async () => {
  const path = write(scratchDir(), 'x', 'a');
  const digests = new FileDigests(new Map());
  const [one, two] = await Promise.all([digests.digest(path), digests.digest(path)]);
  expect([one, two]).toEqual([digestText('a'), digestText('a')]);
  expect(digests.isUnchanged(path)).toBe(true);
  writeFileSync(path, 'b');
  expect(await digests.digest(path)).toBe(digestText('a'));
  expect(digests.isUnchanged(path)).toBe(false);
});

it('what is no file has no digest', async () => {
  const directory = scratchDir();
  mkdirSync(join(directory, 'dir'));
  symlinkSync('loop', join(directory, 'loop'));
  const file = write(directory, 'file', '');
  const digests = new FileDigests(new Map());
  for (const name of ['dir', 'loop', 'nowhere', 'file/inside'])
    expect(await digests.digest(join(directory, name))).toBeUndefined();
  expect(await digests.digest('/dev/zero')).toBeUndefined();
  expect(await digests.digest(file)).toBe(digestText(''));
  rmSync(file);
  expect(await new FileDigests(new Map()).digest(file)).toBeUndefined();
});
