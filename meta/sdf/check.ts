// SPDX-License-Identifier: BSD-2-Clause
// Everything that is wrong with an SDF file: what cannot be read, and what breaks a rule, in the order of the file.

import { checkSystem } from '../check/system.ts';
import type { CheckTarget } from '../check/target.ts';
import type { Diagnostic } from '../diagnostic.ts';
import type { SystemDescription } from '../model.ts';
import { parseSdf } from './parse.ts';
import type { PrefillFile } from './parse-region.ts';

export interface CheckedSdf {
  /** As far as it could be read. */
  readonly system?: SystemDescription;
  readonly findings: readonly Diagnostic[];
}

/** `file` is the name in every place. Never throws for what stands in `text`. */
export function checkSdf(
  text: string,
  file: string,
  target: CheckTarget,
  findPrefill?: (path: string) => PrefillFile,
): CheckedSdf {
  const { system, place, findings } = parseSdf(text, file, {
    arch: target.arch,
    ...(findPrefill === undefined ? {} : { findPrefill }),
  });
  if (system === undefined) return { findings };
  const all = [...findings, ...checkSystem(system, target)].toSorted(byPlace);
  // What is wrong with the whole stands at its root.
  const placed = all.map((finding) => (place === undefined ? finding : { place, ...finding }));
  return { system, findings: placed };
}

/** What has no place comes last. */
const byPlace = (a: Diagnostic, b: Diagnostic): number =>
  (a.place?.line ?? Number.MAX_SAFE_INTEGER) - (b.place?.line ?? Number.MAX_SAFE_INTEGER) ||
  (a.place?.column ?? 0) - (b.place?.column ?? 0);
