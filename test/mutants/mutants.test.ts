// SPDX-License-Identifier: BSD-2-Clause
// Breaks the device core on purpose, one small mistake at a time, and demands that a named C test notices each.
// Killed means: the mutant compiles, and its killer fails, is stopped by a sanitizer, or does not come to an end.

import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { requireOrSkip } from '../require.ts';
import { cFiles, compileObjects, coreDir, findClangs, noClang, sanitizers, testDir } from '../vmm/compile.ts';
import { judgeFences } from '../vmm/fences.ts';
import { deviceMutants } from './device.ts';
import { mmioMutants } from './mmio.ts';
import type { Mutant } from './mutant.ts';
import { queueMutants } from './queue.ts';
import { ringMutants } from './ring.ts';
import { rxMutants } from './rx.ts';
import { txMutants } from './tx.ts';

/** VMBUILD_MUTANTS=rx.c, or part of a killer's name, runs some of them only. */
const only = process.env['VMBUILD_MUTANTS'] ?? '';
const all: readonly Mutant[] = [
  ...queueMutants,
  ...ringMutants,
  ...deviceMutants,
  ...txMutants,
  ...rxMutants,
  ...mmioMutants,
];
const mutants = all.filter(({ file, killer }) => file === only || killer.includes(only));
const timeoutMs = 20_000;
const flags = ['-D_GNU_SOURCE', '-g0', '-O1', '-pthread'];

/** Objects of the unchanged sources, and the flags that made them. */
interface Build {
  readonly flags: readonly string[];
  readonly objects: ReadonlyMap<string, string>;
}

it('every mutant is killed by its test', { timeout: 900_000 }, async (ctx) => {
  const [clang] = await findClangs();
  requireOrSkip(ctx, 'clang', clang !== undefined, noClang);
  const dir = await mkdtemp(join(tmpdir(), 'vmbuild-mutants-'));
  try {
    const faults = await runAll(clang ?? '', dir);
    const killed = mutants.length - faults.length;
    process.stdout.write(`killed ${killed} of ${mutants.length}\n`);
    expect(faults).toEqual([]);
    expect(killed).toBeGreaterThan(0);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

async function runAll(clang: string, dir: string): Promise<string[]> {
  const plain = await build(clang, join(dir, 'plain'), flags);
  const sanitized = await build(clang, join(dir, 'sanitized'), [...flags, ...sanitizers]);
  const faults: string[] = [];
  const queue = [...mutants.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, mutant] = next;
      const fault = await judge(
        clang,
        mutant,
        join(dir, `mutant-${index}`),
        mutant.sanitize ? sanitized : plain,
      );
      if (fault !== undefined) faults.push(`${mutant.file}: ${mutant.why} (${mutant.killer}): ${fault}`);
    }
  };
  await Promise.all([worker(), worker()]);
  return faults;
}

/** Compiles everything once, and makes sure that the tests pass before anything is broken. */
async function build(clang: string, out: string, buildFlags: readonly string[]): Promise<Build> {
  await mkdir(out, { recursive: true });
  const objects = await compileObjects(clang, [...cFiles(coreDir), ...cFiles(testDir)], out, buildFlags);
  const program = join(out, 'tests');
  await execa(clang, [...buildFlags, ...objects.values(), '-o', program]);
  await execa(program, [], { timeout: 100_000, env: { ASAN_OPTIONS: 'detect_leaks=0' } });
  return { flags: buildFlags, objects };
}

/** What speaks against a mutant's being killed, if anything. */
async function judge(clang: string, mutant: Mutant, dir: string, base: Build): Promise<string | undefined> {
  const text = await readFile(join(coreDir, mutant.file), 'utf8');
  const places = text.split(mutant.find).length - 1;
  if (places !== 1) return `its text occurs ${places} times`;
  await cp(coreDir, dir, { recursive: true });
  const source = join(dir, mutant.file);
  await writeFile(
    source,
    text.replace(mutant.find, () => mutant.replace),
  );
  if (mutant.killer === 'fences') {
    return (await judgeFences(clang, source)).length > 0 ? undefined : 'it survives';
  }
  const object = join(dir, 'mutant.o');
  // A mutant may leave a variable unused; that is not what is tested.
  const compiled = await execa(clang, ['-std=c11', '-w', ...base.flags, '-c', source, '-o', object], {
    reject: false,
  });
  if (compiled.exitCode !== 0) return `it does not compile: ${compiled.stderr}`;
  const program = join(dir, 'tests');
  const objects = new Map(base.objects).set(mutant.file, object);
  await execa(clang, [...base.flags, ...objects.values(), '-o', program]);
  const fault = await survives(program, mutant.killer);
  await rm(dir, { recursive: true, force: true });
  return fault;
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
