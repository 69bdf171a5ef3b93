// SPDX-License-Identifier: BSD-2-Clause
// Judges a whole system: everything that the Microkit tool 2.3.0 would refuse, panic at or silently get wrong
// (shared facts/sdf-schema.md §3-§10, §13), and what it cannot know, all findings at once. One file per family of rules.
// Where the tool has words, the message starts with them; what stands behind in parentheses is ours.

import type { Diagnostic } from '../diagnostic.ts';
import type { SystemDescription } from '../model.ts';
import { checkCachedMaps } from './caching.ts';
import { checkChannels } from './channels.ts';
import { checkCspaces } from './cspaces.ts';
import { checkDomains } from './domains.ts';
import { checkGuests } from './guests.ts';
import { checkInversions } from './inversions.ts';
import { checkIoAddressSpaces } from './io-spaces.ts';
import { checkIrqs } from './irqs.ts';
import { checkMaps } from './maps.ts';
import { checkPds } from './pds.ts';
import { checkPhysicalMemory } from './physical-memory.ts';
import { checkRegions } from './regions.ts';
import { checkSetvars } from './setvars.ts';
import { type CheckTarget, targetOf } from './target.ts';
import { checkVersions } from './versions.ts';
import { checkVms } from './vms.ts';

/** Errors and warnings about `system` on `target`, in a stable order; without one, what holds for its architecture. */
export const checkSystem = (
  system: SystemDescription,
  target: CheckTarget = targetOf(system.arch),
): Diagnostic[] => rules.flatMap((rule) => rule(system, target));

const rules: readonly ((system: SystemDescription, target: CheckTarget) => Diagnostic[])[] = [
  checkPds,
  checkDomains,
  checkVms,
  checkIrqs,
  checkRegions,
  checkChannels,
  checkMaps,
  checkIoAddressSpaces,
  checkCspaces,
  checkSetvars,
  checkVersions,
  checkInversions,
  checkGuests,
  checkCachedMaps,
  checkPhysicalMemory,
];
