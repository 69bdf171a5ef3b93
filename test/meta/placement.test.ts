// SPDX-License-Identifier: BSD-2-Clause
// Ids, virtual and physical addresses that nobody chose: disjoint, aligned, in bounds, and sdfgen's where that is sound.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { overlappingPairs } from '../../meta/check/ranges.ts';
import { checkSystem, paddr, SystemBuilder } from '../../meta/index.ts';
import { IdSet } from '../../meta/place-ids.ts';
import { PhysicalSpace } from '../../meta/place-paddr.ts';
import { firstAutomaticVaddr, placeVaddr, preferredAlignment } from '../../meta/place-vaddr.ts';

const pages = (min: number, max: number): fc.Arbitrary<bigint> =>
  fc.integer({ min, max }).map((count) => BigInt(count) * 0x1000n);
/** Mostly small, sometimes whole large pages: both alignments are met. */
const sizeArbitrary = fc.oneof(pages(1, 8), pages(1, 1100), fc.constantFrom(0x20_0000n, 0x40_0000n));

interface Placed {
  readonly vaddr: bigint;
  readonly mr: { readonly size: bigint };
}

const endOf = (maps: readonly Placed[]): bigint =>
  maps.reduce((highest, { vaddr, mr }) => (vaddr + mr.size > highest ? vaddr + mr.size : highest), 0n);

describe('virtual addresses', () => {
  const mapArbitrary = fc.record({
    size: sizeArbitrary,
    fixed: fc.option(
      fc.integer({ min: 0x1_0000, max: 0x3_0000 }).map((page) => BigInt(page) * 0x1000n),
      { freq: 3 },
    ),
  });

  test('a placed map overlaps nothing, is aligned and not below the first address', () => {
    fc.assert(
      fc.property(fc.array(mapArbitrary, { maxLength: 12 }), (wanted) => {
        const maps: Placed[] = [];
        for (const { size, fixed } of wanted) {
          const vaddr = fixed ?? placeVaddr(size, endOf(maps));
          if (fixed === null) {
            expect(vaddr % preferredAlignment(size)).toBe(0n);
            expect(vaddr).toBeGreaterThanOrEqual(firstAutomaticVaddr);
            for (const map of maps)
              expect(vaddr >= map.vaddr + map.mr.size || vaddr + size <= map.vaddr).toBe(true);
          }
          maps.push({ vaddr, mr: { size } });
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a protection domain places beside all that it has mapped', () => {
    fc.assert(
      fc.property(fc.array(mapArbitrary, { maxLength: 12 }), (wanted) => {
        const sdf = new SystemBuilder({ arch: 'aarch64', paddrTop: paddr(0x6000_0000) });
        const pd = sdf.addPd({ name: 'pd', programImage: 'pd.elf' });
        for (const [i, { size, fixed }] of wanted.entries()) {
          const mr = sdf.addMr({ name: `mr${i}`, size });
          const expected = fixed ?? placeVaddr(size, endOf(pd.maps));
          expect(pd.nextVaddr(size)).toBe(placeVaddr(size, endOf(pd.maps)));
          expect(pd.map(mr, { perms: 'r', ...(fixed === null ? {} : { vaddr: fixed }) })).toBe(expected);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("equals sdfgen's address wherever that overlaps nothing", () => {
    const counted = { sound: 0, overlapping: 0 };
    fc.assert(
      fc.property(fc.array(mapArbitrary, { maxLength: 12 }), sizeArbitrary, (wanted, size) => {
        const maps: Placed[] = [];
        for (const { size, fixed } of wanted)
          maps.push({ vaddr: fixed ?? placeVaddr(size, endOf(maps)), mr: { size } });
        const theirs = placeLikeSdfgen(size, maps);
        const hit = maps.some((map) => theirs < map.vaddr + map.mr.size && map.vaddr < theirs + size);
        counted[hit ? 'overlapping' : 'sound'] += 1;
        if (!hit) expect(placeVaddr(size, endOf(maps))).toBe(theirs);
      }),
      { numRuns: 2000, seed: 1 },
    );
    expect(counted.sound).toBeGreaterThan(1000);
    expect(counted.overlapping).toBeGreaterThan(10);
  });
});

/** The rule of shared facts/sdfgen.md §4, rounding inside the loop. */
function placeLikeSdfgen(size: bigint, maps: readonly Placed[]): bigint {
  const alignment = size % 0x20_0000n === 0n ? 0x20_0000n : 0x1000n;
  let next = 0x2000_0000n;
  for (const { vaddr, mr } of maps)
    if (vaddr >= next) next = ((vaddr + mr.size + alignment - 1n) / alignment) * alignment;
  return next;
}

describe('physical addresses', () => {
  test('disjoint from each other and from fixed ranges, aligned, in bounds', () => {
    const fixedArbitrary = fc.record({ start: pages(0x100, 0x500), size: pages(1, 0x40) });
    const wantedArbitrary = fc.record({
      size: pages(1, 0x80),
      alignment: fc.constantFrom(0x1000n, 0x1_0000n),
    });
    const counted = { placed: 0, full: 0 };
    fc.assert(
      fc.property(
        fc.array(fixedArbitrary, { maxLength: 6 }),
        fc.array(wantedArbitrary, { minLength: 1, maxLength: 12 }),
        pages(0x200, 0x600),
        (fixed, wanted, top) => {
          const taken = fixed.map(({ start, size }) => ({ start, end: start + size }));
          // Aligned to pages only, so that rounding down can pass it.
          const bottom = 0x10_1000n;
          let limit = top;
          const space = new PhysicalSpace({ bottom, top });
          for (const range of taken) space.take(range);
          for (const { size, alignment } of wanted) {
            const start = space.place(size, alignment);
            counted[start === undefined ? 'full' : 'placed'] += 1;
            if (start === undefined) continue;
            const end = start + size;
            expect(start % alignment).toBe(0n);
            expect(start >= bottom && end <= limit).toBe(true);
            const isFree = (at: bigint): boolean =>
              taken.every((range) => at + size <= range.start || at >= range.end);
            expect(isFree(start)).toBe(true);
            for (let above = start + alignment; above + size <= limit; above += alignment)
              expect(isFree(above)).toBe(false);
            taken.push({ start, end });
            limit = start;
          }
        },
      ),
      { numRuns: 200, seed: 2 },
    );
    expect(counted.placed).toBeGreaterThan(200);
    expect(counted.full).toBeGreaterThan(20);
  });

  test('a search of all ranges finds the same, whenever they are taken', () => {
    const step = fc.record({ fixed: fc.option(pages(0x100, 0x500), { freq: 1 }), size: pages(1, 0x40) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), pages(0x200, 0x600), (steps, top) => {
        const space = new PhysicalSpace({ bottom: 0x10_1000n, top });
        const taken: { start: bigint; end: bigint }[] = [];
        let limit = top;
        for (const { fixed, size } of steps) {
          const found =
            fixed ?? searchPaddr({ size, alignment: 0x4000n, top: limit, bottom: 0x10_1000n, taken });
          if (fixed === null) expect(space.place(size, 0x4000n)).toBe(found);
          else space.take({ start: fixed, end: fixed + size });
          if (found === undefined) continue;
          taken.push({ start: found, end: found + size });
          if (fixed === null) limit = found;
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a builder gives the addresses downwards and below a fixed region', () => {
    const sdf = new SystemBuilder({ arch: 'aarch64', paddrTop: paddr(0x6000_0000) });
    sdf.addMr({ name: 'fixed', size: 0x2000n, paddr: 0x5fff_e000n });
    const placed = [0x1000n, 0x3000n].map(
      (size, i) => sdf.addMr({ name: `dma${i}`, size, physical: true }).paddr,
    );
    const large = sdf.addMr({ name: 'large', size: 0x20_0000n, physical: true, pageSize: 0x20_0000n });
    expect([...placed, large.paddr]).toEqual([0x5fff_d000n, 0x5fff_a000n, 0x5fc0_0000n]);
  });
});

/** The rule, as plainly as it can be written: below every range that is hit, one after the other. */
function searchPaddr(options: {
  readonly size: bigint;
  readonly alignment: bigint;
  readonly top: bigint;
  readonly bottom: bigint;
  readonly taken: readonly { readonly start: bigint; readonly end: bigint }[];
}): bigint | undefined {
  const { size, alignment, bottom, taken } = options;
  for (let limit = options.top; limit >= bottom + size; ) {
    const start = ((limit - size) / alignment) * alignment;
    if (start < bottom) return undefined;
    const hit = taken.find((range) => start < range.end && range.start < start + size);
    if (hit === undefined) return start;
    limit = hit.start;
  }
  return undefined;
}

describe('overlaps', () => {
  const rangesArbitrary = fc.array(
    fc.record({ start: fc.bigInt({ min: 0n, max: 60n }), size: fc.bigInt({ min: 0n, max: 12n }) }),
    { maxLength: 10 },
  );

  test('are reported if and only if there is one, and only real ones', () => {
    fc.assert(
      fc.property(rangesArbitrary, (sized) => {
        const ranges = sized.map(({ start, size }) => ({ start, end: start + size }));
        const overlap = (a: (typeof ranges)[number], b: (typeof ranges)[number]): boolean =>
          [...Array(80).keys()].some((at) =>
            [a, b].every(({ start, end }) => BigInt(at) >= start && BigInt(at) < end),
          );
        const exists = ranges.some((a, i) => ranges.slice(i + 1).some((b) => overlap(a, b)));
        const found = overlappingPairs(ranges);
        expect(found.length > 0).toBe(exists);
        for (const [a, b] of found) expect(overlap(a, b)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('in a system, of maps and of physical regions', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 5 })), { maxLength: 6 }),
        (wanted) => {
          const sdf = new SystemBuilder({ arch: 'aarch64', paddrTop: paddr(0x6000_0000) });
          const pd = sdf.addPd({ name: 'a', programImage: 'a.elf' });
          for (const [i, [page, count]] of wanted.entries()) {
            const at = BigInt(page) * 0x1000n;
            const mr = sdf.addMr({ name: `m${i}`, size: BigInt(count) * 0x1000n, paddr: at });
            pd.map(mr, { perms: 'rw', vaddr: at });
          }
          const exists = wanted.some(([a, sizeA], i) =>
            wanted.slice(i + 1).some(([b, sizeB]) => a < b + sizeB && b < a + sizeA),
          );
          const codes = new Set(checkSystem(sdf.describe()).map(({ code }) => code));
          expect([...codes].toSorted()).toEqual(exists ? ['SDF210', 'SDF310'] : []);
        },
      ),
    );
  });
});

test('ids: what is given was asked for or is the lowest free one, and nothing is given twice', () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.integer({ min: -2, max: 64 }), { freq: 3 }), { maxLength: 80 }),
      (wishes) => {
        const set = new IdSet();
        const taken = new Set<number>();
        for (const wish of wishes) {
          const answer = set.take(wish ?? undefined);
          const free = Array.from({ length: 62 }, (_, id) => id).filter((id) => !taken.has(id));
          if ('id' in answer) {
            expect(answer.id).toBe(wish ?? free[0]);
            expect(free).toContain(answer.id);
            taken.add(answer.id);
          } else if (wish === null) expect([answer.refused, free]).toEqual(['full', []]);
          else expect(answer.refused).toBe(taken.has(wish) ? 'taken' : 'range');
        }
      },
    ),
  );
});
