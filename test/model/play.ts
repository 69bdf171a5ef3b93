// SPDX-License-Identifier: BSD-2-Clause
// Plays a plan: the same operations to the driver and to the model, and the first difference, told to people.

import type { Driver } from './driver.ts';
import { Model } from './model.ts';
import { observe, type Sight, Violation } from './observe.ts';
import { lineOf, type Operation, type Plan } from './operations.ts';
import { comeToRest } from './rest.ts';

/** Serial numbers of packets travel as fwd_cnt, so they wrap as credit does; 0 is left out. */
const serialOf = (index: number): number => (index + 0xffff_ffe0) % 0x1_0000_0000 || 0x7fff_0000;

/** What is wrong, or undefined. */
export async function play(driver: Driver, plan: Plan): Promise<string | undefined> {
  const lines = plan.operations.map((operation, i) => lineOf(operation, serialOf(i)));
  const start = `world ${plan.guests} ${plan.ringSize} ${plan.start} ${plan.epoch}`;
  const { sights, cut } = await driver.run([start, ...lines]);
  const model = new Model(plan.guests, driver.limits);
  for (const [i, operation] of plan.operations.entries()) {
    const sight = sights[i + 1];
    const fault = sight === undefined ? cut : step(model, operation, serialOf(i), sight);
    if (fault !== undefined)
      return [fault, start, ...lines.slice(0, i + 1).map((line) => `  ${line}`)].join('\n');
  }
  return cut;
}

function step(model: Model, operation: Operation, serial: number, sight: Sight): string | undefined {
  if (sight.isSkipped) return undefined;
  try {
    model.apply(operation, serial);
    observe(model, operation, sight);
    if (operation.do === 'settle') comeToRest(model);
    return undefined;
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return error.message;
  }
}
