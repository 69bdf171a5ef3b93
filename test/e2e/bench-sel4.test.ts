// SPDX-License-Identifier: BSD-2-Clause
// The benchmark on seL4 for real, with so little to do that its figures say nothing: programs, counters and tables go
// together, and every byte is checked on its way.
import { execa } from 'execa';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { needQemu, packageRoot, processesIn } from './program.ts';

const minutes = 60_000;

const little = ['--bytes', '262144', '--writes', '3600,65536', '--pings', '5', '--connects', '2'];

it('measures both ways in both modes, and counts', { timeout: 14 * minutes }, async (ctx) => {
  await needQemu(ctx, 'release');
  const run = await execa(
    process.execPath,
    [join(packageRoot, 'bench', 'run.mjs'), 'vsock-sel4', '--config', 'release', ...little],
    { cwd: packageRoot, reject: false },
  );
  expect(run.stderr).not.toMatch(/^error/m);
  expect(run.exitCode).toBe(0);
  for (const mode of ['-icount shift=1,sleep=off', 'plain'])
    expect(run.stdout).toContain(
      `| ${mode} | device | loopback | device / loopback | CPU s | loopback's CPU s | upstream |\n`,
    );
  const [N, T] = [String.raw`[\d.]+`, String.raw`\d+ \(p50 \d+, p99 \d+\)`];
  for (const row of [
    String.raw`\| 256 KiB in writes of 3600 B, MiB/s \| N \| N \| N \| N \| N \| 0.889 \|`,
    String.raw`\| 256 KiB in writes of 64 KiB, MiB/s \| N \| N \| N \| N \| N \| 0.735 \|`,
    String.raw`\| 1 byte there and back, 5 times, µs \| T \| T \| N \| N \| N \| 3930 .*\|`,
    String.raw`\| connect, 2 times, µs \| T \| T \| N \| N \| N \| 47800 \|`,
    // What came out of one guest went into the other one, by the count of its own VMM.
    String.raw`\| tx bytes \| 1048576 \| N \| 1048576 \| N \| 1.00 \| N \|`,
    String.raw`\| rx bytes \| N \| 1048576 \| N \| 1048576 \| 1.00 \| 1.00 \|`,
  ])
    expect(run.stdout).toMatch(new RegExp(`^${row.replaceAll('N', N).replaceAll('T', T)}$`, 'm'));
  expect(run.stdout).toMatch(/^Microkit SDK \d.* \(release\), QEMU \d.*; one run$/m);
  expect(processesIn(join(packageRoot, 'build', 'bench', 'sel4-release'))).toEqual([]);
});
