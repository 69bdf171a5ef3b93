// SPDX-License-Identifier: BSD-2-Clause
// Virtual addresses that nobody chose. A region goes above everything that the protection domain has mapped, but not
// below 0x20000000, aligned to 2 MiB if its size is a multiple of that, else to 4 KiB. There is no search for gaps.
//
// sdfgen does the same, except that it rounds up after each map instead of once at the end, and so overlooks a map that
// starts below the rounded address and ends above it: the result then overlaps. Wherever its result is free of overlaps
// it equals ours; test/meta/place-vaddr.test.ts shows both.

import { regionLimits } from './limits.ts';
import { alignUp } from './units.ts';

/** Where automatic maps start (sdfgen's constant). */
export const firstAutomaticVaddr = 0x2000_0000n;

/** The address for a region of `size` bytes beside maps of which the highest ends at `mapsEnd`. */
export const placeVaddr = (size: bigint, mapsEnd: bigint): bigint =>
  alignUp(mapsEnd > firstAutomaticVaddr ? mapsEnd : firstAutomaticVaddr, preferredAlignment(size));

/** Large pages are used by Microkit only where address and size both allow it. */
export const preferredAlignment = (size: bigint): bigint =>
  size > 0n && size % regionLimits.largePageBytes === 0n
    ? regionLimits.largePageBytes
    : regionLimits.pageBytes;
