// SPDX-License-Identifier: BSD-2-Clause
// Breaks the device core on purpose, one small mistake at a time, and demands that a named C test notices each.
// Killed means: the mutant compiles, and its killer fails, is stopped by a sanitizer, or does not come to an end.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { it } from 'vitest';
import { cFiles, compileObjects, coreDir, testDir } from '../vmm/compile.ts';
import { judgeFences } from '../vmm/fences.ts';
import { creditMutants } from './credit.ts';
import { deviceMutants } from './device.ts';
import { mmioMutants } from './mmio.ts';
import type { Mutant } from './mutant.ts';
import { groups, namedMutants, provenIds } from './named.ts';
import { patienceMutants } from './patience.ts';
import { queueMutants } from './queue.ts';
import { ringMutants } from './ring.ts';
import { type Attempt, compileMutant, survives, tryMutants } from './run.ts';
import { rxMutants } from './rx.ts';
import { txMutants } from './tx.ts';

const mutants: readonly Mutant[] = [
  ...namedMutants,
  ...queueMutants,
  ...ringMutants,
  ...deviceMutants,
  ...txMutants,
  ...rxMutants,
  ...mmioMutants,
  ...patienceMutants,
  ...creditMutants,
];
const timeoutMs = 20_000;
const env = { ASAN_OPTIONS: 'detect_leaks=0' };
const flags = ['-D_GNU_SOURCE', '-g0', '-O1', '-pthread'];

it('every mutant is killed by its test', { timeout: 900_000 }, async (ctx) => {
  await tryMutants(ctx, { mutants, sourceDir: coreDir, flags, build, judge, report: reportGroups });
});

/** `statements 18 of 18`: how many ids have a test that passes, and that fails for each of the id's mutants. */
function reportGroups(survivors: ReadonlySet<Mutant>): void {
  for (const group of groups) {
    const proven = provenIds(group, survivors);
    process.stdout.write(`${group.title} ${proven.length} of ${group.ids.length}\n`);
  }
}

type CoreObjects = ReadonlyMap<string, string>;

async function build(clang: string, out: string, buildFlags: readonly string[]): Promise<CoreObjects> {
  await mkdir(out, { recursive: true });
  const objects = await compileObjects(clang, [...cFiles(coreDir), ...cFiles(testDir)], out, buildFlags);
  const program = join(out, 'tests');
  await execa(clang, [...buildFlags, ...objects.values(), '-o', program]);
  await execa(program, [], { timeout: 100_000, env });
  return objects;
}

async function judge(attempt: Attempt<CoreObjects>): Promise<string | undefined> {
  const { clang, mutant, source, dir } = attempt;
  if (mutant.killer === 'fences')
    return (await judgeFences(clang, source)).length > 0 ? undefined : 'it survives';
  const { object, fault } = await compileMutant(attempt, [`-I${coreDir}`]);
  if (fault !== undefined) return fault;
  const program = join(dir, 'tests');
  const objects = new Map(attempt.objects).set(mutant.file, object);
  await execa(clang, [...attempt.flags, ...objects.values(), '-o', program]);
  return survives(mutant.killer, async (name) => {
    const run = await execa(program, [name], { reject: false, timeout: timeoutMs, all: true, env });
    return { exitCode: run.exitCode, output: run.all };
  });
}
