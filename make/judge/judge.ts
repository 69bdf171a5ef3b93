// SPDX-License-Identifier: BSD-2-Clause
// The verdict on a finished image: everything that is wrong, all at once. Pure.
import type { Diagnostic } from '../../meta/diagnostic.ts';
import { judgeControllers } from './controller.ts';
import { judgeDevice } from './device.ts';
import type { Evidence } from './evidence.ts';
import { judgeGuests } from './guest.ts';
import { judgeLoader } from './loader.ts';
import { judgeMemory } from './memory.ts';

export const judge = (evidence: Evidence): Diagnostic[] => [
  ...judgeLoader(evidence),
  ...judgeMemory(evidence),
  ...judgeControllers(evidence),
  ...judgeGuests(evidence),
  ...evidence.drivers.flatMap((driver) => judgeDevice(evidence, driver)),
];
