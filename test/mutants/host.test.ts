// SPDX-License-Identifier: BSD-2-Clause
// Breaks the back end (vmm/host) on purpose, as mutants.test.ts does the device core: each mutant must compile, and a
// named C test of test/vmm/host must fail, be stopped by a sanitizer, or not come to an end.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { requireOrSkip } from '../require.ts';
import { findClangs, noClang, sanitizers } from '../vmm/compile.ts';
import {
  backEndDir,
  compileHost,
  type HostObjects,
  hostFlags,
  linkHost,
  runHostTests,
} from '../vmm/host/build.ts';
import { hostMutants } from './host.ts';
import type { Mutant } from './mutant.ts';

/** VMBUILD_MUTANTS=seat.c, or part of a killer's name, runs some of them only. */
const only = process.env['VMBUILD_MUTANTS'] ?? '';
const mutants = hostMutants.filter(({ file, killer }) => file === only || killer.includes(only));
const timeoutMs = 30_000;
/** Many a mutant shows by a standstill: here it is one sooner than in the tests themselves. */
const flags = ['-g0', '-O1', '-DSTANDSTILL_MS=3000'];

interface Build {
  readonly flags: readonly string[];
  readonly objects: HostObjects;
}

it('every mutant of the back end is killed by its test', { timeout: 900_000 }, async (ctx) => {
  const [clang] = await findClangs();
  requireOrSkip(ctx, 'clang', clang !== undefined, noClang);
  const dir = await mkdtemp(join(tmpdir(), 'vmbuild-mutants-'));
  try {
    const faults = await runAll(clang ?? '', dir);
    process.stdout.write(`killed ${mutants.length - faults.length} of ${mutants.length}\n`);
    expect(faults).toEqual([]);
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
      const base = mutant.sanitize ? sanitized : plain;
      const fault = await judge(clang, mutant, join(dir, `mutant-${index}`), base);
      if (fault !== undefined) faults.push(`${mutant.file}: ${mutant.why} (${mutant.killer}): ${fault}`);
    }
  };
  await Promise.all([worker(), worker()]);
  return faults;
}

/** Compiles everything once, and makes sure that the tests pass before anything is broken. */
async function build(clang: string, out: string, buildFlags: readonly string[]): Promise<Build> {
  const objects = await compileHost(clang, out, buildFlags);
  const run = await runHostTests(await linkHost(clang, out, buildFlags, objects), '', 100_000);
  expect(run.output).toMatch(/^\d+ passed, 0 failed$/m);
  return { flags: buildFlags, objects };
}

/** What speaks against a mutant's being killed, if anything. */
async function judge(clang: string, mutant: Mutant, dir: string, base: Build): Promise<string | undefined> {
  const text = await readFile(join(backEndDir, mutant.file), 'utf8');
  const places = text.split(mutant.find).length - 1;
  if (places !== 1) return `its text occurs ${places} times`;
  await mkdir(dir);
  const source = join(dir, mutant.file);
  await writeFile(
    source,
    text.replace(mutant.find, () => mutant.replace),
  );
  const object = join(dir, 'mutant.o');
  // A mutant may leave a variable unused; that is not what is tested.
  const words = ['-std=c11', '-w', ...hostFlags, `-I${backEndDir}`, ...base.flags];
  const compiled = await execa(clang, [...words, '-c', source, '-o', object], { reject: false });
  if (compiled.exitCode !== 0) return `it does not compile: ${compiled.stderr}`;
  const backEnd = new Map(base.objects.backEnd).set(mutant.file, object);
  const programs = await linkHost(clang, dir, base.flags, { ...base.objects, backEnd });
  for (const name of mutant.killer.split('|')) {
    const run = await runHostTests(programs, name, timeoutMs);
    if (/^0 passed, 0 failed/m.test(run.output)) return `no test is called ${name}`;
    if (run.exitCode !== 0) {
      await rm(dir, { recursive: true, force: true });
      return undefined;
    }
  }
  return 'it survives';
}
