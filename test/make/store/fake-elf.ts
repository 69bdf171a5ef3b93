// SPDX-License-Identifier: BSD-2-Clause
// As much of an ELF file as says where it is loaded.
import { Buffer } from 'node:buffer';

export interface Segment {
  readonly vaddr: bigint;
  readonly paddr?: bigint;
  readonly memSize: bigint;
  /** PT_LOAD unless given. */
  readonly type?: number;
}

/** 64-bit little-endian AArch64, program headers right after the file's header. */
export function fakeElf(segments: readonly Segment[]): Buffer {
  const bytes = Buffer.alloc(64 + 56 * segments.length);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(183, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(segments.length, 56);
  for (const [i, { vaddr, paddr = vaddr, memSize, type = 1 }] of segments.entries()) {
    const at = 64 + 56 * i;
    bytes.writeUInt32LE(type, at);
    bytes.writeBigUInt64LE(vaddr, at + 16);
    bytes.writeBigUInt64LE(paddr, at + 24);
    bytes.writeBigUInt64LE(memSize, at + 40);
  }
  return bytes;
}
