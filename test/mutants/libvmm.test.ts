// SPDX-License-Identifier: BSD-2-Clause
// Breaks the seat in a libvmm VMM (vmm/libvmm) on purpose, as mutants.test.ts does the device core: each mutant must
// compile, and a named C test of test/vmm/libvmm must fail or not come to an end.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { requireOrSkip } from '../require.ts';
import { findClangs, noClang, sanitizers } from '../vmm/compile.ts';
import { compileSeat, includes, seatDir } from '../vmm/libvmm/build.ts';
import { libvmmMutants } from './libvmm.ts';
import type { Mutant } from './mutant.ts';
import { type Base, tryMutants } from './run.ts';

type Objects = ReadonlyMap<string, string>;

/** VMBUILD_MUTANTS=idle.c, or part of a killer's name, runs some of them only. */
const only = process.env['VMBUILD_MUTANTS'] ?? '';
const mutants = libvmmMutants.filter(({ file, killer }) => file === only || killer.includes(only));
const flags = ['-g0', '-O1'];
const timeoutMs = 20_000;

it('every mutant of the seat is killed by its test', { timeout: 300_000 }, async (ctx) => {
  const [clang = ''] = await findClangs();
  requireOrSkip(ctx, 'clang', clang !== '', noClang);
  await tryMutants({
    mutants,
    sourceDir: seatDir,
    build: (out, isSanitized) => build(clang, out, isSanitized ? [...flags, ...sanitizers] : flags),
    judge: (mutant, source, dir, base) => judge(clang, mutant, source, dir, base),
  });
});

async function build(clang: string, out: string, buildFlags: readonly string[]): Promise<Base<Objects>> {
  await mkdir(out, { recursive: true });
  const objects = await compileSeat(clang, 'gic_v2', out, buildFlags);
  const program = join(out, 'tests');
  await execa(clang, [...buildFlags, ...objects.values(), '-o', program]);
  expect((await execa(program)).stdout).toMatch(/^\d+ passed, 0 failed$/m);
  return { flags: buildFlags, objects };
}

async function judge(
  clang: string,
  mutant: Mutant,
  source: string,
  dir: string,
  base: Base<Objects>,
): Promise<string | undefined> {
  const object = join(dir, 'mutant.o');
  // A mutant may leave a variable unused; that is not what is tested.
  const words = ['-std=c11', '-w', ...includes, ...base.flags];
  const compiled = await execa(clang, [...words, '-c', source, '-o', object], { reject: false });
  if (compiled.exitCode !== 0) return `it does not compile: ${compiled.stderr}`;
  const program = join(dir, 'tests');
  const objects = new Map(base.objects).set(mutant.file, object);
  await execa(clang, [...base.flags, ...objects.values(), '-o', program]);
  for (const name of mutant.killer.split('|')) {
    const run = await execa(program, [name], { reject: false, timeout: timeoutMs });
    if (/^0 passed, 0 failed/m.test(run.stdout)) return `no test is called ${name}`;
    if (run.exitCode !== 0) return undefined;
  }
  return 'it survives';
}
