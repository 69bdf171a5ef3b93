// SPDX-License-Identifier: BSD-2-Clause
// Plans inside of a larger plan: steps whose paths start in a directory of their own.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { inDirectory, type Step } from '../../make/step.ts';
import { build, fakeTool, joinStep, joinTool, read, runsOf, scratchDir, write } from './scratch.ts';

it('the same plan in two directories makes two things, from what lies in each and from what they share', async () => {
  const buildDir = scratchDir();
  const tool = joinTool(buildDir);
  for (const name of ['x', 'y']) write(buildDir, `${name}/source`, `${name}\n`);
  write(buildDir, 'origin', 'common\n');
  const shared = inDirectory('common', [joinStep(tool, 'out/s', ['../origin'])]);
  const plan = [joinStep(tool, 'out/a', ['source', '../common/out/s'])];
  const steps = [...shared, ...inDirectory('x', plan), ...inDirectory('y', plan)];

  const first = await build(steps, { buildDir });
  expect(first.ran.toSorted()).toEqual(['common: out/s', 'x: out/a', 'y: out/a']);
  expect(first.ran[0]).toBe('common: out/s');
  expect(read(buildDir, 'x/out/a')).toBe('x\ncommon\n');
  expect(read(buildDir, 'y/out/a')).toBe('y\ncommon\n');
  expect((await build(steps, { buildDir })).fresh).toHaveLength(3);

  write(buildDir, 'y/source', 'z\n');
  expect((await build(steps, { buildDir })).ran).toEqual(['y: out/a']);
  expect(read(buildDir, 'y/out/a')).toBe('z\ncommon\n');
});

it('functions read and write in their directory, and so do dependency files', async () => {
  const buildDir = scratchDir();
  write(buildDir, 'in/source', 'text');
  const header = write(buildDir, 'in/deep/header', '1');
  const tool = fakeTool(buildDir, 'compiler', 'cp source "$1"; echo "$1: deep/header" > "$2"');
  const compile: Step = {
    name: 'compile',
    action: { kind: 'exec', tool, args: ['object', 'object.d'] },
    inputs: ['source'],
    outputs: ['object'],
    depfile: 'object.d',
  };
  const copy: Step = {
    name: 'copy',
    action: { kind: 'fn', key: '1', run: async (io) => io.write('copy', await io.read('object')) },
    inputs: ['object'],
    outputs: ['copy'],
  };
  const steps = inDirectory('in', [compile, copy]);
  await build(steps, { buildDir });
  expect(read(buildDir, 'in/copy')).toBe('text');
  expect((await build(steps, { buildDir })).ran).toEqual([]);
  write(join(header, '..'), 'header', '2');
  await build(steps, { buildDir });
  expect(runsOf(buildDir, 'compiler')).toHaveLength(2);
});

it('a plan in a plan in a plan', () => {
  const step = joinStep('/tool', 'a', ['b']);
  const [nested] = inDirectory('outer', inDirectory('inner', [step]));
  expect(nested).toEqual({ ...step, name: 'outer: inner: a', directory: 'outer/inner' });
});
