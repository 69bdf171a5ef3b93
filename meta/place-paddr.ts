// SPDX-License-Identifier: BSD-2-Clause
// Physical addresses that nobody chose, from the board's paddr_top downwards in the order of creation, aligned to the
// region's page and below any region with a fixed address that would be hit. sdfgen neither aligns nor looks; where its
// result is sound, this is the same. (A 2 MiB region of 4 KiB pages is not aligned to 2 MiB: sdfgen does not either.)

import { alignDown, overlaps } from './units.ts';

export interface PhysicalRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** The highest free address for `size` bytes below `top` that is not below `bottom`; undefined if there is none. */
export function placePaddr(options: {
  readonly size: bigint;
  readonly alignment: bigint;
  readonly top: bigint;
  readonly bottom: bigint;
  readonly taken: readonly PhysicalRange[];
}): bigint | undefined {
  const { size, alignment, bottom, taken } = options;
  let limit = options.top;
  for (;;) {
    if (limit < bottom + size) return undefined;
    const start = alignDown(limit - size, alignment);
    if (start < bottom) return undefined;
    const hit = taken.find((range) => overlaps(start, start + size, range.start, range.end));
    if (hit === undefined) return start;
    // The new limit is below the old one, since the hit starts below start + size: the loop ends.
    limit = hit.start;
  }
}
