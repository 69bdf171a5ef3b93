// SPDX-License-Identifier: BSD-2-Clause
// The state only saves work: damaged in any way, it reads as empty and everything is built again.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { type BuildState, engineDir, readState, recordedOutputs, writeState } from '../../make/state.ts';
import { build, joinStep, joinTool, read, scratchDir, write } from './scratch.ts';

const state: BuildState = {
  steps: new Map([
    ['ünï "quoted"', { command: 'c', inputs: [['/in', 'd']], declared: 1, outputs: [['/out', 'e']] }],
    ['__proto__', { command: 'c', inputs: [], declared: 0, outputs: [['/o2', 'f']] }],
  ]),
  files: new Map([['/in', { look: '1 2 3 4', digest: 'd' }]]),
};

it('comes back as it was written', async () => {
  const buildDir = scratchDir();
  await writeState(buildDir, state, new Set());
  expect(await readState(buildDir)).toEqual(state);
  expect(await recordedOutputs(buildDir)).toEqual(['/out', '/o2']);
  expect(() => JSON.parse(read(buildDir, '.vmbuild/state.json'))).not.toThrow();
});

it('reads as empty when bytes are changed, cut off or added', async () => {
  const buildDir = scratchDir();
  await writeState(buildDir, state, new Set());
  const path = join(engineDir(buildDir), 'state.json');
  const good = readFileSync(path);
  const damage = fc.oneof(
    fc.nat(good.length - 1).map((at) => good.subarray(0, at)),
    fc
      .tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }))
      .map(([at, mask]) => Buffer.from(good.map((byte, i) => (i === at ? byte ^ mask : byte)))),
    fc.uint8Array({ minLength: 1 }).map((extra) => Buffer.concat([good, extra])),
  );
  await fc.assert(
    fc.asyncProperty(damage, async (bytes) => {
      writeFileSync(path, bytes);
      expect((await readState(buildDir)).steps.size).toBe(0);
    }),
    { numRuns: 300 },
  );
});

it('a damaged state, or a directory in its place, costs a rebuild and no more', async () => {
  const buildDir = scratchDir();
  const steps = [joinStep(joinTool(buildDir), 'x', [write(buildDir, 'in', 'x\n')])];
  await build(steps, { buildDir });
  const path = join(engineDir(buildDir), 'state.json');
  writeFileSync(path, 'rubbish');
  expect((await build(steps, { buildDir })).ran).toEqual(['x']);
  expect((await build(steps, { buildDir })).ran).toEqual([]);
  rmSync(path);
  mkdirSync(path);
  const { refusal } = await build(steps, { buildDir });
  expect(refusal?.diagnostics[0]?.message).toContain('state.json');
});
