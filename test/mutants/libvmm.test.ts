// SPDX-License-Identifier: BSD-2-Clause
// Breaks the seat in a libvmm VMM and its guards (vmm/libvmm) on purpose, as mutants.test.ts does the device core: each
// mutant must compile, and a named C test of test/vmm/libvmm must fail, with one interrupt controller or the other.

import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
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
import { type Attempt, compileMutant, tryMutants } from './run.ts';

const mutants = [...idleMutants, ...seatMutants];
const timeoutMs = 20_000;
const flags = ['-g0', '-O1'];

type SeatObjects = ReadonlyMap<Controller, ReadonlyMap<string, string>>;

it('every mutant of the seat is killed by its test', { timeout: 600_000 }, async (ctx) => {
  await tryMutants(ctx, { mutants, sourceDir: seatDir, flags, build, judge });
});

async function build(clang: string, out: string, buildFlags: readonly string[]): Promise<SeatObjects> {
  const objects = new Map<Controller, ReadonlyMap<string, string>>();
  for (const controller of controllers) {
    const own = join(out, controller.folder);
    const compiled = await compileSeat(clang, controller, own, buildFlags);
    const run = await execa(await linkSeat(clang, own, buildFlags, compiled), { timeout: timeoutMs });
    expect(run.stdout).toMatch(/^\d+ passed, 0 failed$/m);
    objects.set(controller, compiled);
  }
  return objects;
}

async function judge(attempt: Attempt<SeatObjects>): Promise<string | undefined> {
  const { clang, mutant, dir } = attempt;
  for (const [controller, objects] of attempt.objects) {
    const { object, fault } = await compileMutant(attempt, seatFlags(controller));
    if (fault !== undefined) return fault;
    const program = await linkSeat(clang, dir, attempt.flags, new Map(objects).set(mutant.file, object));
    const run = await execa(program, [mutant.killer], { reject: false, timeout: timeoutMs });
    if (!/^0 passed, 0 failed$/m.test(run.stdout) && run.exitCode !== 0) return undefined;
  }
  return 'it survives, or no test is called so';
}
