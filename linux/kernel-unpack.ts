// SPDX-License-Identifier: BSD-2-Clause
// Takes the raw arm64 Image out of what distributions ship instead of it: gzip (Image.gz), or an EFI zboot image, which
// is a PE program around a packed Image (drivers/firmware/efi/libstub/zboot-header.S):
//
//     offset  0  "MZ"        8  offset of the payload, u32
//             4  "zimg"     12  its size, u32               24  what packs it, a C string
import type { Buffer } from 'node:buffer';
import * as zlib from 'node:zlib';
import { type Diagnostic, formatSize } from '../meta/diagnostic.ts';

/** A kernel as it was packed: the bytes inside, or why they could not be had. */
export type Unpacking =
  | { readonly kind: 'raw' }
  | { readonly kind: 'unpacked'; readonly packing: string; readonly bytes: Buffer }
  | { readonly kind: 'refused'; readonly diagnostic: Diagnostic };

/** `raw` is everything that is not packed in a way that is unpacked here; `path` is how messages call the file. */
export function unpackKernel(bytes: Buffer, path: string, limitBytes = maxUnpackedBytes): Unpacking {
  if (isGzip(bytes)) return unpack(bytes, { packing: 'gzip', kernel: `kernel '${path}'`, path, limitBytes });
  const zboot = readZboot(bytes);
  if (zboot === undefined || !(zboot.packing in unpackers())) return { kind: 'raw' };
  const { start, end, packing } = zboot;
  const kernel = `EFI zboot image '${path}'`;
  if (end > bytes.length)
    return refused(
      path,
      `${kernel} is cut off: its packed kernel ends at byte ${end}, the file at ${bytes.length}`,
    );
  return unpack(bytes.subarray(start, end), { packing, kernel, path, limitBytes });
}

/** The header of an EFI zboot image; undefined for everything else. */
export function readZboot(
  bytes: Buffer,
): { readonly packing: string; readonly start: number; readonly end: number } | undefined {
  if (bytes.length < headerBytes || bytes.toString('latin1', 0, 2) !== 'MZ') return undefined;
  if (bytes.toString('latin1', 4, 8) !== 'zimg') return undefined;
  const packing = /^[a-z0-9]+/.exec(bytes.toString('latin1', 24, 56))?.[0] ?? 'gzip';
  const start = bytes.readUInt32LE(8);
  return { packing: packing === 'zstd22' ? 'zstd' : packing, start, end: start + bytes.readUInt32LE(12) };
}

const headerBytes = 64;

/** The largest distribution kernel has 52 MB, and no guest here has a larger window. It also bounds a bomb. */
const maxUnpackedBytes = 256 * 1024 ** 2;

const isGzip = (bytes: Buffer): boolean => bytes.toString('hex', 0, 2) === '1f8b';

type Unpacker = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Buffer;

/** Node has zstd since 22.15; before, the user is told the command. */
const unpackers = (): Readonly<Record<string, Unpacker>> => ({
  gzip: zlib.gunzipSync,
  ...('zstdDecompressSync' in zlib ? { zstd: zlib.zstdDecompressSync as Unpacker } : {}),
});

function unpack(
  packed: Buffer,
  {
    packing,
    kernel,
    path,
    limitBytes,
  }: {
    readonly packing: string;
    /** As messages name it. */
    readonly kernel: string;
    readonly path: string;
    readonly limitBytes: number;
  },
): Unpacking {
  const unpacker = unpackers()[packing];
  if (unpacker === undefined) return { kind: 'raw' };
  try {
    return { kind: 'unpacked', packing, bytes: unpacker(packed, { maxOutputLength: limitBytes }) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE')
      return refused(path, `${kernel} unpacks (${packing}) to more than ${formatSize(BigInt(limitBytes))}`);
    if (code?.startsWith('Z_') !== true && code?.startsWith('ZSTD_') !== true) throw error;
    return refused(path, `${kernel} cannot be unpacked (${packing}, ${packed.length} bytes): ${message}`);
  }
}

const refused = (path: string, message: string): Unpacking => ({
  kind: 'refused',
  diagnostic: {
    code: 'KERN121',
    severity: 'error',
    message,
    place: { file: path },
    hint: 'copy or download it again',
  },
});
