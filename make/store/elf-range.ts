// SPDX-License-Identifier: BSD-2-Clause
// Where an ELF program lies once it is loaded: as much of the format as it takes to know that, the program headers of a
// 64-bit little-endian file (System V ABI, Program Header). The SDK's kernel and initialiser are read so.
import type { AddressRange } from './sdk-board.ts';

export interface LoadRange {
  readonly vaddr: AddressRange;
  readonly paddr: AddressRange;
}

/** From the first to the last byte of all loadable segments, BSS included; undefined if `bytes` is no such file. */
export function readLoadRange(bytes: Buffer): LoadRange | undefined {
  if (bytes.length < headerBytes || bytes.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return undefined;
  const table = bytes.readBigUInt64LE(32);
  const entryBytes = bytes.readUInt16LE(54);
  const count = bytes.readUInt16LE(56);
  if (entryBytes < segmentBytes || table + BigInt(entryBytes * count) > bytes.length) return undefined;
  const segments = Array.from({ length: count }, (_, i) => Number(table) + i * entryBytes)
    .filter((at) => bytes.readUInt32LE(at) === loadable)
    .map((at) => ({
      vaddr: bytes.readBigUInt64LE(at + 16),
      paddr: bytes.readBigUInt64LE(at + 24),
      size: bytes.readBigUInt64LE(at + 40),
    }));
  if (segments.length === 0) return undefined;
  const span = (kind: 'vaddr' | 'paddr'): AddressRange => ({
    start: segments.map((segment) => segment[kind]).reduce((a, b) => (b < a ? b : a)),
    end: segments.map((segment) => segment[kind] + segment.size).reduce((a, b) => (b > a ? b : a)),
  });
  return { vaddr: span('vaddr'), paddr: span('paddr') };
}

const headerBytes = 64;
const segmentBytes = 56;
const loadable = 1;
