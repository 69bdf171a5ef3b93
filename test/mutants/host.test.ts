// SPDX-License-Identifier: BSD-2-Clause
// Breaks the back end (vmm/host) on purpose, as mutants.test.ts does the device core: each mutant must compile, and a
// named C test of test/vmm/host must fail, be stopped by a sanitizer, or not come to an end.

import { expect, it } from 'vitest';
import {
  backEndDir,
  compileHost,
  type HostObjects,
  hostFlags,
  linkHost,
  runHostTests,
} from '../vmm/host/build.ts';
import { hostMutants } from './host.ts';
import { type Attempt, compileMutant, survives, tryMutants } from './run.ts';

const timeoutMs = 30_000;
/** Many a mutant shows by a standstill: here it is one sooner than in the tests themselves. */
const flags = ['-g0', '-O1', '-DSTANDSTILL_MS=3000'];

it('every mutant of the back end is killed by its test', { timeout: 900_000 }, async (ctx) => {
  await tryMutants(ctx, { mutants: hostMutants, sourceDir: backEndDir, flags, build, judge });
});

async function build(clang: string, out: string, buildFlags: readonly string[]): Promise<HostObjects> {
  const objects = await compileHost(clang, out, buildFlags);
  const run = await runHostTests(await linkHost(clang, out, buildFlags, objects), '', 100_000);
  expect(run.output).toMatch(/^\d+ passed, 0 failed$/m);
  return objects;
}

async function judge(attempt: Attempt<HostObjects>): Promise<string | undefined> {
  const { clang, mutant, dir, objects } = attempt;
  const { object, fault } = await compileMutant(attempt, [...hostFlags, `-I${backEndDir}`]);
  if (fault !== undefined) return fault;
  const backEnd = new Map(objects.backEnd).set(mutant.file, object);
  const programs = await linkHost(clang, dir, attempt.flags, { ...objects, backEnd });
  return survives(mutant.killer, (name) => runHostTests(programs, name, timeoutMs));
}
