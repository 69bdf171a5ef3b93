// SPDX-License-Identifier: BSD-2-Clause
// Finds overlaps in a list of half-open ranges: sorted by start, each range is compared with the one before it that
// reaches furthest. Every overlapping set yields at least one pair, in n log n.

export interface Range<Number extends bigint | number> {
  readonly start: Number;
  readonly end: Number;
}

/** Pairs that overlap: `[earlier, later]` in the order of the list. Empty ranges overlap nothing. */
export function overlappingPairs<T extends Range<bigint> | Range<number>>(ranges: readonly T[]): [T, T][] {
  if (isAscending(ranges)) return [];
  const sorted = ranges
    .map((range, index) => ({ range, index }))
    .filter(({ range }) => range.start < range.end)
    .toSorted((a, b) =>
      a.range.start < b.range.start ? -1 : a.range.start > b.range.start ? 1 : a.index - b.index,
    );
  const pairs: [T, T][] = [];
  let furthest: (typeof sorted)[number] | undefined;
  for (const next of sorted) {
    if (furthest !== undefined && next.range.start < furthest.range.end)
      pairs.push(furthest.index < next.index ? [furthest.range, next.range] : [next.range, furthest.range]);
    if (furthest === undefined || next.range.end > furthest.range.end) furthest = next;
  }
  return pairs;
}

/** As most lists are, whoever made them: each range behind the one before it. */
function isAscending(ranges: readonly (Range<bigint> | Range<number>)[]): boolean {
  let end: bigint | number | undefined;
  for (const range of ranges) {
    if (range.end < range.start || (end !== undefined && range.start < end)) return false;
    ({ end } = range);
  }
  return true;
}
