// SPDX-License-Identifier: BSD-2-Clause
// The benchmark of a guest's boot for real: with each remedy the kernel still comes to PID 1 and loads all modules.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listRemedies } from '../../bench/boot/variants.ts';
import { needSim, needTools, packageRoot, processesIn, runScript } from './program.ts';

it('boots with each remedy', { timeout: 12 * 60_000 }, async (ctx) => {
  await needSim(ctx);
  await needTools(ctx, 'dtc', ['dtc']);
  const { code, stdout, stderr } = await runScript('bench/run.mjs', ['boot', '--runs', '1', '--no-count']);
  expect(code, stderr).toBe(0);
  const rows = stdout.split('\n').filter((line) => /^\| (plain|\+ )/.test(line));
  expect(rows.map((row) => row.split(' | ')[0])).toEqual(listRemedies().map(({ name }) => `| ${name}`));
  for (const row of rows) expect(row).toMatch(/\| - \| - \| \d+\.\d\d \| \d+ % \| \d+\.\d\d \|$/);
  expect(processesIn(join(packageRoot, 'build', 'bench', 'boot'))).toEqual([]);
});
