// SPDX-License-Identifier: BSD-2-Clause
// Finds overlaps in a list of half-open ranges: sorted by start, each range is compared with the one before it that
// reaches furthest. Every overlapping set yields at least one pair, in n log n.

import { overlaps } from '../units.ts';

export interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

/** Pairs that overlap: `[earlier in address, later]`. Empty ranges overlap nothing. */
export function overlappingPairs<T extends Range>(ranges: readonly T[]): [T, T][] {
  const sorted = ranges.toSorted((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  const pairs: [T, T][] = [];
  let furthest: T | undefined;
  for (const range of sorted) {
    if (furthest !== undefined && overlaps(furthest.start, furthest.end, range.start, range.end))
      pairs.push([furthest, range]);
    if (furthest === undefined || range.end > furthest.end) furthest = range;
  }
  return pairs;
}
