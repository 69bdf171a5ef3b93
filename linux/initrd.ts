// SPDX-License-Identifier: BSD-2-Clause
// Looks at an initrd that the user gave, before a guest kernel panics over it: what packs it, whether it is whole,
// whether it is a cpio archive and has an /init. gzip and plain archives are read to the end; of the other packers
// only the outside is judged.
import type { Buffer } from 'node:buffer';
import { gunzipSync } from 'node:zlib';
import type { Diagnostic } from '../meta/diagnostic.ts';
import { formatRange, formatSize } from '../meta/diagnostic.ts';
import type { GuestLayout } from '../meta/guest.ts';

export type InitrdPacking = 'none' | 'gzip' | 'xz' | 'zstd' | 'lz4' | 'bzip2' | 'lzma' | 'lzop';

export interface Initrd {
  readonly packing: InitrdPacking;
  /** Paths in it without a leading slash, if it could be read. */
  readonly paths?: readonly string[];
}

/** `initrd` is there if and only if no diagnostic is an error. `path` is how messages call the file. */
export function inspectInitrd(
  bytes: Buffer,
  path: string,
  unpackedLimitBytes = maxUnpackedBytes,
): { readonly initrd?: Initrd; readonly diagnostics: readonly Diagnostic[] } {
  const problem = (code: string, what: string, hint: string): Diagnostic => ({
    code,
    severity: 'error',
    message: `initrd '${path}' ${what}`,
    place: { file: path },
    hint,
  });
  if (bytes.length === 0) return { diagnostics: [problem('INIT101', 'is empty', 'copy it again')] };
  const packing = packers.find(({ magic }) =>
    magic.some((one) => bytes.toString('hex', 0, one.length / 2) === one),
  )?.packing;
  if (packing === undefined) {
    const start = bytes.toString('hex', 0, 6);
    return {
      diagnostics: [
        problem(
          'INIT102',
          `begins with 0x${start}: neither a newc cpio archive nor packed with gzip, xz, zstd, lz4, bzip2, lzma or lzop`,
          'make one: find . | cpio -o -H newc | gzip > initrd.cpio.gz',
        ),
      ],
    };
  }
  if (packing === 'lz4' && bytes.toString('hex', 0, 4) === '04224d18')
    return {
      diagnostics: [
        problem('INIT103', 'is an lz4 frame, which the kernel cannot unpack', 'pack it again with lz4 -l'),
      ],
    };
  if (packing === 'xz' && trimNuls(bytes).toString('latin1').at(-1) !== 'Z')
    return {
      diagnostics: [
        problem('INIT104', `is a cut off xz file of ${bytes.length} bytes`, 'copy or download it again'),
      ],
    };
  if (packing !== 'gzip' && packing !== 'none') return { initrd: { packing }, diagnostics: [] };

  const archive = packing === 'none' ? bytes : unpackGzip(bytes, unpackedLimitBytes);
  if (typeof archive === 'string')
    return {
      diagnostics: [
        problem(
          'INIT105',
          `cannot be unpacked (gzip, ${bytes.length} bytes): ${archive}`,
          'copy or download it again',
        ),
      ],
    };
  const listed = listCpio(archive);
  if (typeof listed === 'string')
    return {
      diagnostics: [
        problem(
          'INIT106',
          `is not a whole newc cpio archive: ${listed}`,
          'copy it again, or make one with cpio -o -H newc',
        ),
      ],
    };
  return { initrd: { packing, paths: listed }, diagnostics: checkInit(listed, path) };
}

/** An initrd of `sizeBytes` against its window. */
export function checkInitrdFit(sizeBytes: number, layout: GuestLayout, path: string): Diagnostic[] {
  const { start, end } = layout.initrd;
  if (BigInt(sizeBytes) <= end - start) return [];
  return [
    {
      code: 'INIT120',
      severity: 'error',
      message: `initrd '${path}' takes ${formatSize(BigInt(sizeBytes))}, but its window ${formatRange(start, end)} has ${formatSize(end - start)}`,
      place: { file: path },
      hint: 'pack it better (xz), leave things out, or give the board a larger window in its board.ts',
    },
  ];
}

const packers: readonly { packing: InitrdPacking; magic: readonly string[] }[] = [
  { packing: 'none', magic: ['303730373031', '303730373032'] },
  { packing: 'gzip', magic: ['1f8b'] },
  { packing: 'xz', magic: ['fd377a585a00'] },
  { packing: 'zstd', magic: ['28b52ffd'] },
  { packing: 'lz4', magic: ['02214c18', '04224d18'] },
  { packing: 'bzip2', magic: ['425a68'] },
  { packing: 'lzma', magic: ['5d0000'] },
  { packing: 'lzop', magic: ['894c5a4f'] },
];

/** What unpacks to more than this fits no guest here; it also bounds a bomb. */
const maxUnpackedBytes = 1024 ** 3;

/** The archive, or why there is none. */
function unpackGzip(bytes: Buffer, limitBytes: number): Buffer | string {
  try {
    return gunzipSync(bytes, { maxOutputLength: limitBytes });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') return `it unpacks to more than ${formatSize(BigInt(limitBytes))}`;
    if (code?.startsWith('Z_') === true) return message;
    throw error;
  }
}

/**
 * Paths of one newc archive after the other, or what is wrong. Stops without complaint at what is no cpio after a
 * trailer: an archive that is packed in another way may follow.
 */
function listCpio(archive: Buffer): string[] | string {
  const paths: string[] = [];
  let isOpen = true; // between the first entry and the trailer
  let at = 0;
  while (at < archive.length) {
    if (archive[at] === 0) {
      at += 4 - (at % 4);
      continue;
    }
    const header = archive.toString('latin1', at, at + 110);
    if (!/^07070[12]/.test(header)) {
      if (!isOpen) return paths;
      return `no magic 070701 at offset ${at}`;
    }
    if (!/^07070[12][0-9a-fA-F]{104}$/.test(header))
      return `a header that is not hexadecimal, or cut off, at offset ${at}`;
    const bodySize = Number.parseInt(header.slice(54, 62), 16);
    const nameSize = Number.parseInt(header.slice(94, 102), 16);
    const bodyStart = alignUp4(at + 110 + nameSize);
    if (bodyStart + bodySize > archive.length)
      return `entry ${paths.length + 1} at offset ${at} ends at ${bodyStart + bodySize}, the archive at ${archive.length}`;
    const name = archive.toString('utf8', at + 110, at + 110 + nameSize - 1);
    at = alignUp4(bodyStart + bodySize);
    isOpen = name !== 'TRAILER!!!';
    if (isOpen) paths.push(name.replace(/^(\.?\/)+/, ''));
  }
  return isOpen ? `no trailer after ${paths.length} entries` : paths;
}

const alignUp4 = (value: number): number => Math.ceil(value / 4) * 4;

function trimNuls(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return bytes.subarray(0, end);
}

const checkInit = (paths: readonly string[], path: string): Diagnostic[] =>
  paths.includes('init')
    ? []
    : [
        {
          code: 'INIT107',
          severity: 'warning',
          message: `initrd '${path}' has no /init among its ${paths.length} entries; the kernel will look for a root device instead`,
          place: { file: path },
          hint: 'add an /init, or leave --initrd out',
        },
      ];
