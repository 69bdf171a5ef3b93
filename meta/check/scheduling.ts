// SPDX-License-Identifier: BSD-2-Clause
// Rules of priorities and budgets, which protection domains and virtual machines share.

import type { Diagnostic, Place } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import { pdLimits } from '../limits.ts';
import type { Scheduling } from '../model.ts';

export function checkScheduling(owner: string, given: Scheduling, place: Place | undefined): Diagnostic[] {
  const { priority, budget, period } = given;
  const found: Diagnostic[] = [];
  if (priority !== undefined && !isIntegerBelow(priority, pdLimits.maxPriority + 1))
    found.push(
      errorFinding(
        'SDF506',
        `priority ${priority} of ${owner} must be between 0 and ${pdLimits.maxPriority}`,
        {
          hint: 'use a number in that range',
          place,
        },
      ),
    );
  const effective = budget ?? pdLimits.defaultBudgetUs;
  const wrongTime = [budget, period].some(
    (time) => time !== undefined && (!Number.isSafeInteger(time) || time <= 0),
  );
  if (wrongTime || (period !== undefined && effective > period))
    found.push(
      errorFinding(
        'SDF507',
        `budget (${effective}) of ${owner} must be greater than 0 and less than, or equal to, period (${period ?? effective})`,
        { hint: 'give both in microseconds, the budget not above the period', place },
      ),
    );
  return found;
}

export const isIntegerBelow = (value: number, end: number): boolean =>
  Number.isInteger(value) && value >= 0 && value < end;
