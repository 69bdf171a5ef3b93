// SPDX-License-Identifier: BSD-2-Clause
// `npm run coverage`: the C tests of the device core run every branch of it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { requireOrSkip } from '../require.ts';
import { cFiles, compileObjects, coreDir, findClangs, noClang, testDir } from './compile.ts';
import {
  countInto,
  coverageFlags,
  type FileCoverage,
  readCoverage,
  renderCoverage,
  whyNoCoverage,
} from './coverage.ts';

const timeout = 600_000;
const flags = ['-D_GNU_SOURCE', '-O1', '-pthread'];
const [clang = ''] = await findClangs();
let dir = '';
let reason: string | undefined = noClang;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmbuild-coverage-'));
  if (clang !== '') reason = await whyNoCoverage(clang, dir);
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** The tests whose names contain `name`, or all, and what they run of the core. */
async function cover(name: string): Promise<FileCoverage[]> {
  const core = await compileObjects(clang, cFiles(coreDir), dir, [...flags, ...coverageFlags]);
  const tests = await compileObjects(clang, cFiles(testDir), dir, flags);
  const program = join(dir, 'tests');
  await execa(clang, [...flags, ...coverageFlags, ...core.values(), ...tests.values(), '-o', program]);
  const counters = await mkdtemp(join(dir, 'counters-'));
  await execa(program, [name], { timeout: 300_000, env: countInto(counters) });
  return readCoverage(clang, program, counters, cFiles(coreDir));
}

it('every branch of the device core is run by its tests', { timeout }, async (ctx) => {
  requireOrSkip(ctx, 'clang', reason === undefined, reason ?? '');
  const files = await cover('');
  process.stdout.write(renderCoverage(files));
  expect(files.map(({ name }) => name)).toEqual(cFiles(coreDir).map((path) => basename(path)));
  expect(files.flatMap(({ missing }) => missing)).toEqual([]);
  expect(files.filter(({ lines, linesRun }) => lines !== linesRun).map(({ name }) => name)).toEqual([]);
});

it('tells what one test alone does not run', { timeout }, async (ctx) => {
  requireOrSkip(ctx, 'clang', reason === undefined, reason ?? '');
  const connections = (await cover('C1_nothing')).find(({ name }) => name === 'connections.c');
  expect(connections?.missing).toContainEqual(
    expect.stringMatching(/^connections\.c:\d+:\d+ is never (true|false)$/),
  );
  expect(connections?.linesRun).toBeLessThan(connections?.lines ?? 0);
});
