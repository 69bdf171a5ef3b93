// SPDX-License-Identifier: BSD-2-Clause
// What of a program becomes pages: entry point and loadable segments of a 64-bit little-endian ELF file (System V ABI,
// Program Header). Every offset is checked against the file.

import { refuse } from '../diagnostic.ts';

export interface Program {
  readonly entry: bigint;
  /** In the file's order; empty ones keep their number, since the tool counts them. */
  readonly segments: readonly ProgramSegment[];
}

export interface ProgramSegment {
  readonly vaddr: bigint;
  /** In memory, zeroes included. */
  readonly sizeBytes: bigint;
  readonly isReadable: boolean;
  readonly isWritable: boolean;
  readonly isExecutable: boolean;
}

/** Refuses AUD104. */
export function parseProgram(bytes: Uint8Array, file: string): Program {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = [0x7f, 0x45, 0x4c, 0x46, 2, 1];
  if (bytes.length < headerBytes || magic.some((byte, i) => bytes[i] !== byte))
    return damaged(file, 'is no 64-bit little-endian ELF file');
  const table = view.getBigUint64(32, true);
  const entryBytes = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (entryBytes < segmentBytes || table + BigInt(entryBytes * count) > BigInt(bytes.length))
    return damaged(file, 'has a table of segments that reaches beyond its end');
  const segments = Array.from({ length: count }, (_, i) => Number(table) + i * entryBytes)
    .filter((at) => view.getUint32(at, true) === loadable)
    .map((at): ProgramSegment => {
      const flags = view.getUint32(at + 4, true);
      return {
        vaddr: view.getBigUint64(at + 16, true),
        sizeBytes: view.getBigUint64(at + 40, true),
        isExecutable: (flags & 1) !== 0,
        isWritable: (flags & 2) !== 0,
        isReadable: (flags & 4) !== 0,
      };
    });
  const wide = segments.find(({ vaddr, sizeBytes }) => vaddr + sizeBytes > maxVaddr);
  if (wide !== undefined) return damaged(file, `has a segment of ${wide.sizeBytes} bytes at ${wide.vaddr}`);
  return { entry: view.getBigUint64(24, true), segments };
}

const damaged = (file: string, what: string): never =>
  refuse('AUD104', `program '${file}' ${what}, so its pages cannot be told from others`, {
    hint: 'name the programs that the image was built from',
  });

const headerBytes = 64;
const segmentBytes = 56;
const loadable = 1;
/** No architecture of Microkit's has more than 48 bits of virtual addresses. */
const maxVaddr = 1n << 48n;
