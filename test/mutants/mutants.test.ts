// SPDX-License-Identifier: BSD-2-Clause
// Breaks the device core on purpose, one small mistake at a time, and demands that a named C test notices each.
// Killed means: the mutant compiles, and its killer fails, is stopped by a sanitizer, or does not come to an end.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { it } from 'vitest';
import { requireOrSkip } from '../require.ts';
import { cFiles, compileObjects, coreDir, findClangs, noClang, sanitizers, testDir } from '../vmm/compile.ts';
import { judgeFences } from '../vmm/fences.ts';
import { deviceMutants } from './device.ts';
import { mmioMutants } from './mmio.ts';
import type { Mutant } from './mutant.ts';
import { groups, namedMutants, provenIds } from './named.ts';
import { patienceMutants } from './patience.ts';
import { queueMutants } from './queue.ts';
import { ringMutants } from './ring.ts';
import { type Base, tryMutants } from './run.ts';
import { rxMutants } from './rx.ts';
import { txMutants } from './tx.ts';

/** VMBUILD_MUTANTS=rx.c, or part of a killer's name, runs some of them only. */
const only = process.env['VMBUILD_MUTANTS'] ?? '';
const all: readonly Mutant[] = [
  ...namedMutants,
  ...queueMutants,
  ...ringMutants,
  ...deviceMutants,
  ...txMutants,
  ...rxMutants,
  ...mmioMutants,
  ...patienceMutants,
];
const mutants = all.filter(({ file, killer }) => file === only || killer.includes(only));
const timeoutMs = 20_000;
const flags = ['-D_GNU_SOURCE', '-g0', '-O1', '-pthread'];

it('every mutant is killed by its test', { timeout: 900_000 }, async (ctx) => {
  const [clang = ''] = await findClangs();
  requireOrSkip(ctx, 'clang', clang !== '', noClang);
  await tryMutants({
    mutants,
    sourceDir: coreDir,
    build: (out, isSanitized) => build(clang, out, isSanitized ? [...flags, ...sanitizers] : flags),
    judge: (mutant, source, dir, base) => judge(clang, mutant, source, dir, base),
    report: (survivors) => {
      if (mutants.length === all.length) reportGroups(survivors);
    },
  });
});

/** `statements 18 of 18`: how many ids have a test that passes, and that fails for each of the id's mutants. */
function reportGroups(survivors: ReadonlySet<Mutant>): void {
  for (const group of groups) {
    const proven = provenIds(group, survivors);
    process.stdout.write(`${group.title} ${proven.length} of ${group.ids.length}\n`);
  }
}

type CoreObjects = ReadonlyMap<string, string>;

async function build(clang: string, out: string, buildFlags: readonly string[]): Promise<Base<CoreObjects>> {
  await mkdir(out, { recursive: true });
  const objects = await compileObjects(clang, [...cFiles(coreDir), ...cFiles(testDir)], out, buildFlags);
  const program = join(out, 'tests');
  await execa(clang, [...buildFlags, ...objects.values(), '-o', program]);
  await execa(program, [], { timeout: 100_000, env: { ASAN_OPTIONS: 'detect_leaks=0' } });
  return { flags: buildFlags, objects };
}

async function judge(
  clang: string,
  mutant: Mutant,
  source: string,
  dir: string,
  base: Base<CoreObjects>,
): Promise<string | undefined> {
  if (mutant.killer === 'fences')
    return (await judgeFences(clang, source)).length > 0 ? undefined : 'it survives';
  const object = join(dir, 'mutant.o');
  // A mutant may leave a variable unused; that is not what is tested.
  const words = ['-std=c11', '-w', `-I${coreDir}`, ...base.flags];
  const compiled = await execa(clang, [...words, '-c', source, '-o', object], { reject: false });
  if (compiled.exitCode !== 0) return `it does not compile: ${compiled.stderr}`;
  const program = join(dir, 'tests');
  const objects = new Map(base.objects).set(mutant.file, object);
  await execa(clang, [...base.flags, ...objects.values(), '-o', program]);
  return survives(program, mutant.killer);
}

/** Runs every test that a killer names (`|` separates names): undefined as soon as one fails. */
async function survives(program: string, killer: string): Promise<string | undefined> {
  for (const name of killer.split('|')) {
    const env = { ASAN_OPTIONS: 'detect_leaks=0' };
    const run = await execa(program, [name], { reject: false, timeout: timeoutMs, all: true, env });
    if (/^0 passed, 0 failed/m.test(run.all ?? '')) return `no test is called ${name}`;
    if (run.exitCode !== 0) return undefined;
  }
  return 'it survives';
}
