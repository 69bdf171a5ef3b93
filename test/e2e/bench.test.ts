// SPDX-License-Identifier: BSD-2-Clause
// The benchmark of the socket device for real, with so little to do that its figures say nothing: its programs, the back
// end and the table go together, and a device that loses or changes a byte has no figures.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { copyPackage, mutate, needSim, packageRoot, processesIn, runScript } from './program.ts';

const minutes = 60_000;

const bench = (root: string, words: readonly string[]) =>
  runScript('bench/run.mjs', ['vsock', ...words], { root });

const little = ['--no-peer', '--runs', '1', '--bytes', '262144', '--pings', '10', '--writes', '3600,262144'];

it('measures both ways at each size', { timeout: 12 * minutes }, async (ctx) => {
  await needSim(ctx);
  const { code, stdout, stderr } = await bench(packageRoot, little);
  expect(code, stderr).toBe(0);
  const number = String.raw`[\d.]+`;
  for (const row of [
    String.raw`\| writes of 3600 B \| N \| N \| N \| N \| – \| – \| – \|`,
    String.raw`\| writes of 256 KiB \| N \| N \| N \| N \| – \| – \| – \|`,
    String.raw`\| mean .* \| N \(N, N\) \| N \| N \(N, N\) \| N \| – \| – \| – \|`,
  ])
    expect(stdout).toMatch(new RegExp(`^${row.replaceAll('N', number)}$`, 'm'));
  expect(stdout).toMatch(/^QEMU \d.*, guest kernel \d.*, \d+ cores.*, load average at start .*; one run$/m);
  expect(processesIn(join(packageRoot, 'build', 'bench', 'vsock'))).toEqual([]);
});

it('has no figures for a device that changes a byte', { timeout: 12 * minutes }, async (ctx) => {
  await needSim(ctx);
  const root = copyPackage();
  cpSync(join(packageRoot, 'bench'), join(root, 'bench'), { recursive: true });
  for (const part of ['meta', 'make', 'cli', 'Makefile.ts'])
    cpSync(join(packageRoot, part), join(root, part), { recursive: true });
  mutate(
    join(root, 'vmm/vsock/ring.c'),
    'copy_payload(ring->own->data + position, from, part);',
    'copy_payload(ring->own->data + position, from, part); if (part > 1000) ring->own->data[position + 999] ^= 0x10;',
  );
  const { code, stdout, stderr } = await bench(root, little);
  expect(stderr).toMatch(
    /error\[BEN102\]: with the back end 'ours', client_linux1 failed: stream via=device write=3600: compare: the server did not get what was sent/,
  );
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(processesIn(root)).toEqual([]);
});
