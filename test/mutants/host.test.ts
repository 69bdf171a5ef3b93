// SPDX-License-Identifier: BSD-2-Clause
// Breaks the back end (vmm/host) on purpose, as mutants.test.ts does the device core: each mutant must compile, and a
// named C test of test/vmm/host must fail, be stopped by a sanitizer, or not come to an end.

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
import { type Base, tryMutants } from './run.ts';

/** VMBUILD_MUTANTS=seat.c, or part of a killer's name, runs some of them only. */
const only = process.env['VMBUILD_MUTANTS'] ?? '';
const mutants = hostMutants.filter(({ file, killer }) => file === only || killer.includes(only));
const timeoutMs = 30_000;
/** Many a mutant shows by a standstill: here it is one sooner than in the tests themselves. */
const flags = ['-g0', '-O1', '-DSTANDSTILL_MS=3000'];

it('every mutant of the back end is killed by its test', { timeout: 900_000 }, async (ctx) => {
  const [clang = ''] = await findClangs();
  requireOrSkip(ctx, 'clang', clang !== '', noClang);
  await tryMutants({
    mutants,
    sourceDir: backEndDir,
    build: (out, isSanitized) => build(clang, out, isSanitized ? [...flags, ...sanitizers] : flags),
    judge: (mutant, source, dir, base) => judge(clang, mutant, source, dir, base),
  });
});

async function build(clang: string, out: string, buildFlags: readonly string[]): Promise<Base<HostObjects>> {
  const objects = await compileHost(clang, out, buildFlags);
  const run = await runHostTests(await linkHost(clang, out, buildFlags, objects), '', 100_000);
  expect(run.output).toMatch(/^\d+ passed, 0 failed$/m);
  return { flags: buildFlags, objects };
}

async function judge(
  clang: string,
  mutant: Mutant,
  source: string,
  dir: string,
  base: Base<HostObjects>,
): Promise<string | undefined> {
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
    if (run.exitCode !== 0) return undefined;
  }
  return 'it survives';
}
