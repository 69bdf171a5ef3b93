// SPDX-License-Identifier: BSD-2-Clause
// What must hold for every file of the repository.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = new URL('..', import.meta.url).pathname;

const tracked = (): string[] =>
  execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean);

const read = (name: string): string => readFileSync(join(root, name), 'utf8');

it('every source file names its licence in its first lines', () => {
  const sources = tracked().filter((name) => /\.(ts|mjs|c|h|S|dts|py|sh)$|\/(run|S99\w+)$/.test(name));
  expect(sources.length).toBeGreaterThan(100);
  const without = sources.filter(
    (name) =>
      !read(name).split('\n').slice(0, 3).join('\n').includes('SPDX-License-Identifier: BSD-2-Clause'),
  );
  expect(without).toEqual([]);
});

it('the lock file names no registry', () => {
  expect(read('package-lock.json')).not.toMatch(/"resolved"/);
});

it('no file names a path of one machine', () => {
  const pattern = /(^|[^\w.])\/(work|root)\/(main|\.cache|ref|notes|build)\b/m;
  expect(tracked().filter((name) => name !== 'test/repository.test.ts' && pattern.test(read(name)))).toEqual(
    [],
  );
});
