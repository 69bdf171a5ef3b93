// SPDX-License-Identifier: BSD-2-Clause
// Random worlds against the reference model: prints `model: N steps in M runs`. The long form is
// `npm run model -- --runs N --seed S`.

import { basename } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requireOrSkip } from '../require.ts';
import { findClangs, noClang } from '../vmm/compile.ts';
import { type Driver, driverFlags, smallLimits, withDriver } from './driver.ts';
import { plans } from './plans.ts';
import { play } from './play.ts';

const runs = Number(process.env['VMBUILD_MODEL_RUNS'] ?? 300);
const seed = Number(process.env['VMBUILD_MODEL_SEED'] ?? 20261126);
const longest = 70;
const [clang = ''] = await findClangs();

describe('the device core does what the model says', () => {
  for (const [name, flags] of [
    ['with its own limits', []],
    ['with few connections, few replies and little work per call', smallLimits],
  ] as const) {
    it(name, { timeout: 60_000 + runs * 1000 }, async (ctx) => {
      requireOrSkip(ctx, 'clang', clang !== '', noClang);
      await withDriver(clang, [...driverFlags, ...flags], async (driver) => {
        const steps = await compare(driver);
        process.stdout.write(
          `model: ${steps} steps in ${runs} runs ${name} (${basename(clang)}, seed ${seed})\n`,
        );
        expect(steps).toBeGreaterThan(runs);
      });
    });
  }
});

/** Steps done; throws with the smallest plan that shows a difference. */
async function compare(driver: Driver): Promise<number> {
  let steps = 0;
  const property = fc.asyncProperty(plans(longest), async (plan) => {
    steps += plan.operations.length;
    const fault = await play(driver, plan);
    if (fault !== undefined) throw new Error(fault);
  });
  await fc.assert(property, { numRuns: runs, seed });
  return steps;
}
