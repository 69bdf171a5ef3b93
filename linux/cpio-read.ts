// SPDX-License-Identifier: BSD-2-Clause
// Reads what the kernel's unpack_to_rootfs (init/initramfs.c) reads: newc archives one after the other, packed or not,
// with NULs between. Only lists; nothing is ever written by a name from an archive.
import type { Buffer } from 'node:buffer';
import { gunzipSync, type ZlibOptions } from 'node:zlib';
import { formatSize } from '../meta/diagnostic.ts';

export interface CpioMember {
  /** Without leading slashes and `./`. */
  readonly path: string;
  readonly isFile: boolean;
  /** A view of the archive. */
  readonly bytes: Buffer;
}

export interface CpioListing {
  readonly members: readonly CpioMember[];
  /** Where an archive begins that is packed in a way that is not unpacked here. */
  readonly unread?: { readonly offset: number; readonly packing: Packing };
}

export type Packing = 'gzip' | 'xz' | 'zstd' | 'lz4' | 'lz4 frame' | 'bzip2' | 'lzma' | 'lzop';

/** What is wrong, and of which kind: `magic` is no archive at all, `packing` a packed one that does not unpack. */
export interface CpioFault {
  readonly kind: 'magic' | 'packing' | 'cpio' | 'name';
  readonly what: string;
}

/** All members of all archives in `bytes`, later ones last, or what is wrong. `limitBytes` bounds what is unpacked. */
export function readCpio(bytes: Buffer, limitBytes: number): CpioListing | CpioFault {
  const members: CpioMember[] = [];
  let at = 0;
  let left = limitBytes;
  for (let archives = 0; ; archives += 1) {
    at = skipNuls(bytes, at);
    if (at === bytes.length && archives > 0) return { members };
    if (archives === maxArchives) return { kind: 'cpio', what: `more than ${maxArchives} archives` };
    const packing = packingAt(bytes, at);
    if (packing === undefined) {
      if (archives === 0 && !isNewc(bytes, at)) return { kind: 'magic', what: bytes.toString('hex', 0, 6) };
      const end = readArchives(bytes, at, members);
      if (typeof end !== 'number') return end;
      at = end;
    } else if (packing === 'gzip') {
      const member = unpackGzip(bytes.subarray(at), left);
      if (typeof member === 'string') return { kind: 'packing', what: member };
      left -= member.unpacked.length;
      const end = readArchives(member.unpacked, 0, members);
      if (typeof end !== 'number') return end;
      if (end !== member.unpacked.length)
        return {
          kind: 'cpio',
          what: `another archive, packed once more, at offset ${end} of what is unpacked`,
        };
      at += member.packedBytes;
    } else {
      return { members, unread: { offset: at, packing } };
    }
  }
}

/** An initrd is one archive, or a few: microcode, the system, an overlay. */
const maxArchives = 64;
/** Far more than any root file system has; without it headers of 110 bytes could make millions of objects. */
const maxMembers = 1_000_000;

const magics: readonly { readonly packing: Packing; readonly magic: string }[] = [
  { packing: 'gzip', magic: '1f8b' },
  { packing: 'xz', magic: 'fd377a585a00' },
  { packing: 'zstd', magic: '28b52ffd' },
  { packing: 'lz4', magic: '02214c18' },
  { packing: 'lz4 frame', magic: '04224d18' },
  { packing: 'bzip2', magic: '425a68' },
  { packing: 'lzma', magic: '5d0000' },
  { packing: 'lzop', magic: '894c5a4f' },
];

const packingAt = (bytes: Buffer, at: number): Packing | undefined =>
  magics.find(({ magic }) => bytes.toString('hex', at, at + magic.length / 2) === magic)?.packing;

/** With `info`, node gives the engine too, which knows how far it has read; its types do not say so. */
const gunzipInfo = gunzipSync as unknown as (
  bytes: Buffer,
  options: ZlibOptions,
) => { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };

/** The first gzip member, or all that follow each other without a gap; or why there is none. */
function unpackGzip(
  bytes: Buffer,
  limitBytes: number,
): { readonly unpacked: Buffer; readonly packedBytes: number } | string {
  try {
    const { buffer, engine } = gunzipInfo(bytes, {
      maxOutputLength: Math.max(limitBytes, 1),
      info: true,
    });
    return { unpacked: buffer, packedBytes: engine.bytesWritten };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') return `it unpacks to more than ${formatSize(BigInt(limitBytes))}`;
    if (code?.startsWith('Z_') === true) return message;
    throw error;
  }
}

const trailerName = 'TRAILER!!!';
const headerBytes = 110;

/** Adds what is in one archive, and in those that follow it unpacked. Gives the offset after the last one. */
function readArchives(archive: Buffer, start: number, members: CpioMember[]): number | CpioFault {
  let isOpen = true; // between the first entry and the trailer
  let at = start;
  while (at < archive.length) {
    if (archive[at] === 0) {
      at += 4 - (at % 4);
      continue;
    }
    const header = archive.toString('latin1', at, at + headerBytes);
    if (!isNewc(archive, at)) {
      if (!isOpen && packingAt(archive, at) !== undefined) return at;
      return { kind: 'cpio', what: `no magic 070701 at offset ${at}` };
    }
    const entry = parseEntry(archive, at, header, members.length);
    if ('kind' in entry) return entry;
    isOpen = entry.name !== trailerName;
    if (isOpen) members.push(entry.member);
    at = entry.end;
    if (members.length > maxMembers) return { kind: 'cpio', what: `more than ${maxMembers} entries` };
  }
  if (isOpen) return { kind: 'cpio', what: `no trailer after ${members.length} entries` };
  return archive.length;
}

interface Entry {
  readonly name: string;
  readonly member: CpioMember;
  readonly end: number;
}

function parseEntry(archive: Buffer, at: number, header: string, count: number): Entry | CpioFault {
  const bad = (what: string): CpioFault => ({ kind: 'cpio', what });
  if (!/^.{6}[0-9a-fA-F]{104}$/.test(header))
    return bad(`a header that is not hexadecimal, or cut off, at offset ${at}`);
  const field = (index: number): number =>
    Number.parseInt(header.slice(6 + 8 * index, 6 + 8 * index + 8), 16);
  const [mode, bodySize, nameSize] = [field(1), field(6), field(11)];
  const nameStart = at + headerBytes;
  const bodyStart = alignUp4(nameStart + nameSize);
  if (bodyStart + bodySize > archive.length)
    return bad(
      `entry ${count + 1} at offset ${at} ends at ${bodyStart + bodySize}, the archive at ${archive.length}`,
    );
  if (nameSize < 2 || archive[nameStart + nameSize - 1] !== 0)
    return bad(`entry ${count + 1} at offset ${at} has a name of ${nameSize} bytes that no NUL ends`);
  const name = archive.toString('utf8', nameStart, nameStart + nameSize - 1);
  if (name.includes('\0') || name.split('/').includes('..'))
    return {
      kind: 'name',
      what: `entry ${count + 1} at offset ${at} is called ${JSON.stringify(name.slice(0, 200))}`,
    };
  const bytes = archive.subarray(bodyStart, bodyStart + bodySize);
  const path = name.replace(/^(\.?\/)+/, '');
  return {
    name,
    member: { path, isFile: (mode & typeMask) === typeFile, bytes },
    end: alignUp4(bodyStart + bodySize),
  };
}

/** 070702 is the same with checksums, which the kernel ignores. */
const isNewc = (archive: Buffer, at: number): boolean =>
  /^07070[12]$/.test(archive.toString('latin1', at, at + 6));

const typeMask = 0o170000;
const typeFile = 0o100000;

const alignUp4 = (value: number): number => Math.ceil(value / 4) * 4;

function skipNuls(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] === 0) at += 1;
  return at;
}
