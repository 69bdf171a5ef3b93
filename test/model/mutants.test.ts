// SPDX-License-Identifier: BSD-2-Clause
// That the model can fail: mutants of test/mutants that random worlds find by themselves, without any test that was
// written for them.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { breakSource } from '../mutants/break.ts';
import { namedMutants } from '../mutants/named.ts';
import type { Mutant } from '../mutants/mutant.ts';
import { requireOrSkip } from '../require.ts';
import { cFiles, compileObjects, coreDir, findClangs, noClang } from '../vmm/compile.ts';
import { Driver, driverFlags, modelDir, smallLimits } from './driver.ts';
import { plans } from './operations.ts';
import { play } from './play.ts';

/** One or two of each kind: routing, validation, answers, credit, splitting, order, ends of lives, memory, interrupts. */
const ids = [
  'S2',
  'S3',
  'S5',
  'C5',
  'C6',
  'C9',
  'bug_01',
  'bug_08',
  'bug_10',
  'bug_14',
  'bug_15',
  'bug_17',
].concat(['case_08', 'case_13', 'D5', 'D6']);
const mutants = namedMutants.filter(({ id }) => ids.includes(id));

it('kills mutants that no test points it at', { timeout: 600_000 }, async (ctx) => {
  const [clang = ''] = await findClangs();
  requireOrSkip(ctx, 'clang', clang !== '', noClang);
  const dir = await mkdtemp(join(tmpdir(), 'vmbuild-model-mutants-'));
  try {
    const flags = [...driverFlags, ...smallLimits, '-g0'];
    const objects = await compileObjects(clang, [...cFiles(coreDir), ...cFiles(modelDir)], dir, flags);
    const survivors: string[] = [];
    for (const mutant of mutants) {
      const program = await build(clang, mutant, join(dir, 'mutant'), flags, objects);
      if (!(await isKilled(program))) survivors.push(`${mutant.id}: ${mutant.why}`);
    }
    process.stdout.write(`model alone: killed ${mutants.length - survivors.length} of ${mutants.length}\n`);
    expect(survivors).toEqual([]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

async function build(
  clang: string,
  mutant: Mutant,
  dir: string,
  flags: readonly string[],
  base: ReadonlyMap<string, string>,
): Promise<string> {
  const { source, fault } = await breakSource(coreDir, mutant, dir);
  expect(fault).toBeUndefined();
  const object = join(dir, 'mutant.o');
  await execa(clang, ['-std=c11', '-w', `-I${coreDir}`, ...flags, '-c', source, '-o', object]);
  const program = join(dir, 'driver');
  await execa(clang, [...flags, ...new Map(base).set(mutant.file, object).values(), '-o', program]);
  return program;
}

async function isKilled(program: string): Promise<boolean> {
  const driver = new Driver(program);
  try {
    const property = fc.asyncProperty(plans(40), async (plan) => (await play(driver, plan)) === undefined);
    const { failed } = await fc.check(property, { numRuns: 250, seed: 3, endOnFailure: true });
    return failed;
  } finally {
    driver.stop();
  }
}
