// SPDX-License-Identifier: BSD-2-Clause
// The sections of a 64-bit little-endian ELF file by name (System V ABI, Section Header), each with its bytes, and its
// first loadable segment. Every offset is checked against the file; what does not fit is JDG190, since a build made the file.
import { refuse } from '../../meta/diagnostic.ts';
import { readLoadRange } from '../store/elf-range.ts';

export interface ElfSection {
  readonly name: string;
  /** Where it lies in the program's memory; 0 if it is not loaded. */
  readonly address: bigint;
  readonly bytes: Buffer;
}

export interface ElfFile {
  readonly file: string;
  readonly sections: ReadonlyMap<string, ElfSection>;
}

export function parseElf(bytes: Buffer, file: string): ElfFile {
  if (bytes.length < headerBytes || bytes.toString('latin1', 0, 6) !== '\x7fELF\x02\x01')
    return damaged(file, 'is no 64-bit little-endian ELF file');
  const table = bytes.readBigUInt64LE(40);
  const entryBytes = bytes.readUInt16LE(58);
  const count = bytes.readUInt16LE(60);
  if (entryBytes < entryLeastBytes || table + BigInt(entryBytes * count) > bytes.length)
    return damaged(file, 'has a section table that reaches beyond its end');
  const headers = Array.from({ length: count }, (_, i) => readHeader(bytes, Number(table) + i * entryBytes));
  const names = headers[bytes.readUInt16LE(62)];
  const texts = names === undefined ? undefined : slice(bytes, names);
  if (texts === undefined) return damaged(file, 'has no table of section names');
  const sections = new Map<string, ElfSection>();
  for (const header of headers) {
    const content = header.type === noBits ? Buffer.alloc(0) : slice(bytes, header);
    const end = texts.indexOf(0, header.name);
    if (content === undefined || header.name >= texts.length || end < 0)
      return damaged(file, 'has a section that reaches beyond its end');
    const name = texts.toString('latin1', header.name, end);
    if (!sections.has(name)) sections.set(name, { name, address: header.address, bytes: content });
  }
  return { file, sections };
}

/** Refuses JDG190 if there is none. */
export function sectionOf({ file, sections }: ElfFile, name: string): ElfSection {
  return sections.get(name) ?? damaged(file, `has no section '${name}'`);
}

/** Where the lowest loadable segment goes, and what the file has of it. Refuses JDG190 if there is none. */
export function firstSegment(
  bytes: Buffer,
  file: string,
): { readonly start: bigint; readonly bytes: Buffer } {
  const range = readLoadRange(bytes);
  if (range === undefined) return damaged(file, 'is no 64-bit ELF file with anything to load');
  const table = Number(bytes.readBigUInt64LE(32));
  for (let i = 0; i < bytes.readUInt16LE(56); i += 1) {
    const at = table + i * bytes.readUInt16LE(54);
    const isFirst =
      bytes.readUInt32LE(at) === loadable && bytes.readBigUInt64LE(at + 24) === range.paddr.start;
    const content = isFirst
      ? slice(bytes, { offset: bytes.readBigUInt64LE(at + 8), size: bytes.readBigUInt64LE(at + 32) })
      : undefined;
    if (content !== undefined) return { start: range.paddr.start, bytes: content };
  }
  return damaged(file, 'has a segment that reaches beyond its end');
}

interface Header {
  readonly name: number;
  readonly type: number;
  readonly address: bigint;
  readonly offset: bigint;
  readonly size: bigint;
}

const readHeader = (bytes: Buffer, at: number): Header => ({
  name: bytes.readUInt32LE(at),
  type: bytes.readUInt32LE(at + 4),
  address: bytes.readBigUInt64LE(at + 16),
  offset: bytes.readBigUInt64LE(at + 24),
  size: bytes.readBigUInt64LE(at + 32),
});

const slice = (bytes: Buffer, { offset, size }: Pick<Header, 'offset' | 'size'>): Buffer | undefined =>
  offset + size > bytes.length ? undefined : bytes.subarray(Number(offset), Number(offset + size));

export const damaged = (file: string, what: string): never =>
  refuse('JDG190', `'${file}' ${what}, so it cannot be judged`, {
    hint: "run 'vmbuild clean' and build again",
  });

const headerBytes = 64;
const entryLeastBytes = 64;
const noBits = 8;
const loadable = 1;
