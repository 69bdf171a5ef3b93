// SPDX-License-Identifier: BSD-2-Clause
// Physical addresses that nobody chose, from the board's paddr_top downwards in the order of creation, aligned to the
// region's page and below any region with a fixed address that would be hit. sdfgen neither aligns nor looks; where its
// result is sound, this is the same. (A 2 MiB region of 4 KiB pages is not aligned to 2 MiB: sdfgen does not either.)
//
// What was placed lies above what is placed next, so only regions with an address of their own can be in the way. They
// are kept as ranges that do not touch each other, in order: the last one that starts below an end is the only one that
// can reach over it.

import { alignDown } from './units.ts';

export interface PhysicalRange {
  readonly start: bigint;
  readonly end: bigint;
}

export class PhysicalSpace {
  readonly #bottom: bigint;
  readonly #taken: PhysicalRange[] = [];
  #top: bigint;

  constructor({ bottom, top }: { readonly bottom: bigint; readonly top: bigint }) {
    this.#bottom = bottom;
    this.#top = top;
  }

  /** Where the next region ends at most. */
  get top(): bigint {
    return this.#top;
  }

  /** Keeps a range with an address of its own. It may overlap others. */
  take({ start, end }: PhysicalRange): void {
    if (start >= end) return;
    const after = this.#countStartingBefore(end + 1n);
    let first = after;
    let joined = { start, end };
    for (let before = this.#taken[first - 1]; before !== undefined && before.end >= start; ) {
      first -= 1;
      joined = {
        start: before.start < joined.start ? before.start : joined.start,
        end: before.end > joined.end ? before.end : joined.end,
      };
      before = this.#taken[first - 1];
    }
    this.#taken.splice(first, after - first, joined);
  }

  /** Takes the highest free address for `size` bytes below all that was placed; undefined if there is none. */
  place(size: bigint, alignment: bigint): bigint | undefined {
    let limit = this.#top;
    for (;;) {
      if (limit < this.#bottom + size) return undefined;
      const start = alignDown(limit - size, alignment);
      if (start < this.#bottom) return undefined;
      const hit = this.#taken[this.#countStartingBefore(start + size) - 1];
      if (hit === undefined || hit.end <= start) {
        this.#top = start;
        return start;
      }
      // The new limit is below the old one, since the hit starts below start + size: the loop ends.
      limit = hit.start;
    }
  }

  #countStartingBefore(address: bigint): number {
    let low = 0;
    let high = this.#taken.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#taken[middle]?.start ?? address) < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
