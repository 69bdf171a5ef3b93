// SPDX-License-Identifier: BSD-2-Clause
// The same archive from the same files, whoever made them; and what an unpacked one says of itself.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { type ArchiveFile, digestOf, packArchive, sumFiles } from '../../../make/artifacts/archive.ts';
import { scratchDir, write } from '../scratch.ts';

const { signal } = new AbortController();

/** Two files, of which one is at hand. */
const filesIn = (directory: string): ArchiveFile[] => [
  { name: 'top/z/big', path: write(directory, 'somewhere', Buffer.alloc(3_000_001, 'seL4 ')) },
  { name: 'top/a', text: 'at hand\n' },
];

it('time, modes, order and place of the files do not show', async () => {
  const [one, other] = [scratchDir(), scratchDir('another name')];
  const files = filesIn(other);
  utimesSync(join(other, 'somewhere'), 1e9, 1e9);
  chmodSync(join(other, 'somewhere'), 0o700);
  await packArchive(join(one, 'a.tar.gz'), filesIn(one), signal);
  await packArchive(join(other, 'new/dir/b.tar.gz'), files.toReversed(), signal);
  expect(readFileSync(join(other, 'new/dir/b.tar.gz'))).toEqual(readFileSync(join(one, 'a.tar.gz')));
  expect(gunzipSync(readFileSync(join(one, 'a.tar.gz'))).includes(one)).toBe(false);
});

it('tar and sha256sum read it', async () => {
  const directory = scratchDir();
  const files = filesIn(directory);
  const sums = await sumFiles(files);
  await packArchive(join(directory, 'a.tar.gz'), [...files, { name: 'SUMS', text: sums }], signal);
  mkdirSync(join(directory, 'out'));
  const tar = execFileSync('tar', ['xvzf', '../a.tar.gz'], {
    cwd: join(directory, 'out'),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  expect(tar.split('\n').filter((line) => line !== '')).toEqual(['SUMS', 'top/a', 'top/z/big']);
  const checked = execFileSync('sha256sum', ['--check', '--strict', 'SUMS'], {
    cwd: join(directory, 'out'),
    encoding: 'utf8',
  });
  expect(checked).toBe('top/a: OK\ntop/z/big: OK\n');
  for (const file of files) expect(sums).toContain(`${await digestOf(file)}  ${file.name}\n`);
});

it('a file that goes missing leaves the old archive and nothing half-written', async () => {
  const directory = scratchDir();
  const path = write(directory, 'out/a.tar.gz', 'the old one');
  const files = [...filesIn(directory), { name: 'top/none', path: join(directory, 'none') }];
  await expect(packArchive(path, files, signal)).rejects.toThrow(/ENOENT/);
  expect(readFileSync(path, 'utf8')).toBe('the old one');
  expect(readdirSync(join(directory, 'out'))).toEqual(['a.tar.gz']);
});

it('an interrupted one leaves nothing', async () => {
  const directory = scratchDir();
  const stop = new AbortController();
  const packed = packArchive(join(directory, 'out/a.tar.gz'), filesIn(directory), stop.signal);
  stop.abort(new Error('received SIGINT'));
  await expect(packed).rejects.toThrow();
  expect(existsSync(join(directory, 'out')) ? readdirSync(join(directory, 'out')) : []).toEqual([]);
});
