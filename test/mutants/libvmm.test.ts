// SPDX-License-Identifier: BSD-2-Clause
// Breaks the seat in a libvmm VMM and its guards (vmm/libvmm) on purpose, as mutants.test.ts does the device core: each
// mutant must compile, and a named C test of test/vmm/libvmm must fail, with one interrupt controller or the other.

import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { requireOrSkip } from '../require.ts';
import { findClangs, noClang, sanitizers } from '../vmm/compile.ts';
import {
  type Controller,
  compileSeat,
  controllers,
  linkSeat,
  seatDir,
  seatFlags,
} from '../vmm/libvmm/build.ts';
import { idleMutants } from './idle.ts';
import { seatMutants } from './libvmm.ts';
import type { Mutant } from './mutant.ts';
import { type Base, tryMutants } from './run.ts';

/** VMBUILD_MUTANTS=guest_life.c, or part of a killer's name, runs some of them only. */
const only = process.env['VMBUILD_MUTANTS'] ?? '';
const mutants = [...idleMutants, ...seatMutants].filter(
  ({ file, killer }) => file === only || killer.includes(only),
);
const timeoutMs = 20_000;
const flags = ['-g0', '-O1'];

type SeatObjects = ReadonlyMap<Controller, ReadonlyMap<string, string>>;

it('every mutant of the seat is killed by its test', { timeout: 600_000 }, async (ctx) => {
  const [clang = ''] = await findClangs();
  requireOrSkip(ctx, 'clang', clang !== '', noClang);
  await tryMutants({
    mutants,
    sourceDir: seatDir,
    build: (out, isSanitized) => build(clang, out, isSanitized ? [...flags, ...sanitizers] : flags),
    judge: (mutant, source, dir, base) => judge(clang, mutant, source, dir, base),
  });
});

async function build(clang: string, out: string, buildFlags: readonly string[]): Promise<Base<SeatObjects>> {
  const objects = new Map<Controller, ReadonlyMap<string, string>>();
  for (const controller of controllers) {
    const own = join(out, controller.folder);
    const compiled = await compileSeat(clang, controller, own, buildFlags);
    const run = await execa(await linkSeat(clang, own, buildFlags, compiled), { timeout: timeoutMs });
    expect(run.stdout).toMatch(/^\d+ passed, 0 failed$/m);
    objects.set(controller, compiled);
  }
  return { flags: buildFlags, objects };
}

async function judge(
  clang: string,
  mutant: Mutant,
  source: string,
  dir: string,
  base: Base<SeatObjects>,
): Promise<string | undefined> {
  const object = join(dir, 'mutant.o');
  for (const [controller, objects] of base.objects) {
    // A mutant may leave a variable unused; that is not what is tested.
    const words = ['-std=c11', '-w', ...seatFlags(controller), ...base.flags];
    const compiled = await execa(clang, [...words, '-c', source, '-o', object], { reject: false });
    if (compiled.exitCode !== 0) return `it does not compile: ${compiled.stderr}`;
    const program = await linkSeat(clang, dir, base.flags, new Map(objects).set(mutant.file, object));
    const run = await execa(program, [mutant.killer], { reject: false, timeout: timeoutMs });
    if (!/^0 passed, 0 failed$/m.test(run.stdout) && run.exitCode !== 0) return undefined;
  }
  return 'it survives, or no test is called so';
}
