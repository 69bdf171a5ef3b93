// SPDX-License-Identifier: BSD-2-Clause
// Numbers with types: an address is never taken for a size, nor a guest's address for the machine's. The constructors
// check the range, so that whoever holds a value need not. All are plain bigints at run time.

declare const unit: unique symbol;
type Unit<Name extends string> = bigint & { readonly [unit]: Name };

/** A physical address of the machine. */
export type Paddr = Unit<'Paddr'>;
/** A virtual address in a protection domain. */
export type Vaddr = Unit<'Vaddr'>;
/** A guest physical address. */
export type Gpa = Unit<'Gpa'>;
/** A size in bytes. */
export type Bytes = Unit<'Bytes'>;

/** Half-open `[base..base + size)`. */
export interface GpaRange {
  readonly base: Gpa;
  readonly size: Bytes;
}

/** Half-open `[start..end)`. */
export interface GpaWindow {
  readonly start: Gpa;
  readonly end: Gpa;
}

export const paddr = (value: bigint | number): Paddr => u64(value) as Paddr;
export const vaddr = (value: bigint | number): Vaddr => u64(value) as Vaddr;
export const gpa = (value: bigint | number): Gpa => u64(value) as Gpa;
export const bytes = (value: bigint | number): Bytes => u64(value) as Bytes;

export const gpaRange = (base: bigint | number, size: bigint | number): GpaRange => ({
  base: gpa(base),
  size: bytes(size),
});
export const gpaWindow = (start: bigint | number, end: bigint | number): GpaWindow => ({
  start: gpa(start),
  end: gpa(end),
});

/** The next multiple of `alignment`, which is a power of two, at or above `value`. */
export const alignUp = (value: bigint, alignment: bigint): bigint =>
  (value + alignment - 1n) & ~(alignment - 1n);
export const alignDown = (value: bigint, alignment: bigint): bigint => value & ~(alignment - 1n);

/** Two half-open ranges share a byte. An empty range shares none. */
export const overlaps = (aStart: bigint, aEnd: bigint, bStart: bigint, bEnd: bigint): boolean =>
  aStart < bEnd && bStart < aEnd && aStart < aEnd && bStart < bEnd;

/** `0x…`, lower case, as the SDF and all messages write numbers. */
export const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

function u64(value: bigint | number): bigint {
  const wide = BigInt(value);
  if (wide < 0n || wide > 0xffff_ffff_ffff_ffffn)
    throw new RangeError(`${value} is not an unsigned 64-bit number`);
  return wide;
}
