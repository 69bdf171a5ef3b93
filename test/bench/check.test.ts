// SPDX-License-Identifier: BSD-2-Clause
// The systems of `npm run bench check` are as large as they say and nothing is wrong with them; its command line.
import { spawnSync } from 'node:child_process';
import { expect, it, test } from 'vitest';
import { loadLibrary, middleSize, placeSystem } from '../../bench/check/system.ts';

it('has as many of everything as it says, and passes the check', async () => {
  const library = await loadLibrary();
  const { system, warnings } = placeSystem(library, middleSize).build();
  const maps = system.protectionDomains.flatMap((pd) => pd.maps);
  expect({
    pds: system.protectionDomains.length,
    regions: system.memoryRegions.length,
    maps: maps.length,
    channels: system.channels.length,
  }).toEqual(middleSize);
  expect(warnings).toEqual([]);
  expect(library.renderSdf(system).length).toBeGreaterThan(380_000);
});

test.for([
  [['--turns', '0'], /BEN101.*--turns is '0'/],
  [['--large-turns', 'many'], /BEN101.*--large-turns is 'many'/],
  [['--unknown'], /BEN101/],
] as const)('refuses %j', ([words, message]) => {
  const run = spawnSync(process.execPath, ['bench/run.mjs', 'check', ...words], { encoding: 'utf8' });
  expect(run.stderr).toMatch(message);
  expect(run.stdout).toBe('');
  expect(run.status).toBe(2);
});
