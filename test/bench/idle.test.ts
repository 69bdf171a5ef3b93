// SPDX-License-Identifier: BSD-2-Clause
// What the benchmark of idle guests makes of a guest's lines, and of its own command line.
import { spawnSync } from 'node:child_process';
import { expect, it, test } from 'vitest';
import { parseLate } from '../../bench/idle/boot.ts';

it('reads how late a guest woke up', () => {
  expect(parseLate('idle bench: late sleeps=200 mean_us=92 p50_us=91 p99_us=114')).toEqual([92, 91, 114]);
});

test.for([
  'idle bench: begin',
  'idle bench: late sleeps=200 mean_us=92 p50_us=91',
  '[    2.1] idle bench: late sleeps=200 mean_us=92 p50_us=91 p99_us=114',
])('%s says nothing of it', (text) => {
  expect(parseLate(text)).toBeUndefined();
});

test.for([
  [['--mode', 'fast'], /BEN101.*--mode is 'fast'/],
  [['--config', 'benchmark'], /BEN101.*--config is 'benchmark'/],
  [['--timeout', '0'], /BEN101.*--timeout is '0'/],
  [['--unknown'], /BEN101/],
] as const)('refuses %j', ([words, message]) => {
  const run = spawnSync(process.execPath, ['bench/run.mjs', 'idle', ...words], { encoding: 'utf8' });
  expect(run.stderr).toMatch(message);
  expect(run.stdout).toBe('');
  expect(run.status).toBe(2);
});
