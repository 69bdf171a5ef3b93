// SPDX-License-Identifier: BSD-2-Clause
// The short form of `npm run soak`: each scene once between three guests of `sim`.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { needSim, packageRoot, processesIn, runScript } from './program.ts';

const minutes = 60_000;

const soak = (words: readonly string[]) => runScript('test/peers/run.mjs', ['soak', ...words]);

it('three guests survive each other', { timeout: 22 * minutes }, async (ctx) => {
  await needSim(ctx);
  const { code, stdout, stderr } = await soak([
    '--on',
    'sim',
    '--rounds',
    '1',
    '--connections',
    '64',
    '--bytes',
    '65536',
  ]);
  expect(code, stdout + stderr).toBe(0);
  for (const scene of ['many', 'slow', 'full', 'flood', 'reboot', 'reset', 'starve'])
    expect(stdout).toMatch(new RegExp(`^passed ${scene}: good (\\d+) of \\1\\b`, 'm'));
  // The devices tell what they did: packets for all, and RSTs when the second guest went.
  for (const counter of [
    'CID 3: tx packets',
    'CID 4: rx packets',
    'CID 5: interrupts',
    'CID 3: connections reset',
  ])
    expect(stdout).toMatch(new RegExp(`^${counter}.* [1-9]\\d*$`, 'm'));
  expect(stdout).toMatch(/^soak: 7 of 7 scenes passed\n$/m);
  expect(processesIn(join(packageRoot, 'build', 'peers', 'soak-sim'))).toEqual([]);
});

it('refuses words that it does not know', async () => {
  for (const [words, message] of [
    [['--scenes', 'many,none'], "--scenes: 'none' is none of many, slow"],
    [['--guests', '2', '--scenes', 'starve'], "--scenes: 'starve' is none of many, slow"],
    [['--bytes', '12'], '--bytes 12 is no multiple of 8'],
    [['--on', 'hardware'], '--on hardware is none of sim, sel4 and both'],
  ] as const) {
    const { code, stderr } = await soak(words);
    expect(stderr).toContain(`error[BEN101]: ${message}`);
    expect(stderr).toContain('try: run npm run soak -- --help');
    expect(code).toBe(2);
  }
});
