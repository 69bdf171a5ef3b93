// SPDX-License-Identifier: BSD-2-Clause
// Judges a whole system: everything that the Microkit tool 2.3.0 would refuse, panic at or silently get wrong
// (shared facts/sdf-schema.md §3-§10, §13), all findings at once. One file per family of rules.

import type { Diagnostic } from '../diagnostic.ts';
import type { SystemDescription } from '../model.ts';
import { checkChannels } from './channels.ts';
import { checkMaps } from './maps.ts';
import { checkPds } from './pds.ts';
import { checkRegions } from './regions.ts';

/** Errors and warnings about `system`, in a stable order. */
export const checkSystem = (system: SystemDescription): Diagnostic[] => [
  ...checkPds(system),
  ...checkRegions(system),
  ...checkMaps(system),
  ...checkChannels(system),
];
