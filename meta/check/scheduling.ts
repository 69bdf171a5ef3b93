// SPDX-License-Identifier: BSD-2-Clause
// Rules of priorities and budgets, which protection domains and virtual machines share.

import type { Diagnostic, Place } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import { pdLimits } from '../limits.ts';
import type { Scheduling } from '../model.ts';

/** `element` is the SDF's word for what is called `name`. */
export function checkScheduling(
  element: 'protection_domain' | 'virtual_machine',
  name: string,
  given: Scheduling,
  place: Place | undefined,
): Diagnostic[] {
  const { priority, budget, period } = given;
  const found: Diagnostic[] = [];
  const wrong = (code: string, message: string, hint: string): void => {
    found.push(errorFinding(code, message, { hint, place }));
  };
  if (priority !== undefined && !isIntegerBelow(priority, pdLimits.maxPriority + 1))
    wrong(
      'SDF506',
      `priority must be between 0 and ${pdLimits.maxPriority} on element '${element}' ('${name}' has ${priority})`,
      'use a number in that range',
    );
  const effective = budget ?? pdLimits.defaultBudgetUs;
  if (period !== undefined && effective > period)
    wrong(
      'SDF507',
      `budget (${effective}) must be less than, or equal to, period (${period}) on element '${element}' ('${name}')`,
      budget === undefined ? 'give a budget too, in microseconds' : 'give both in microseconds',
    );
  for (const [what, time] of Object.entries({ budget, period }))
    if (time !== undefined && (!Number.isInteger(time) || time <= 0 || time >= 2 ** 64))
      wrong(
        'SDF516',
        `${what} must be greater than 0 on element '${element}' ('${name}' has ${time})`,
        'give whole microseconds, or leave it out',
      );
  return found;
}

export const isIntegerBelow = (value: number, end: number): boolean =>
  Number.isInteger(value) && value >= 0 && value < end;
