// SPDX-License-Identifier: BSD-2-Clause
// Packed kernels: what is unpacked, what is left to its name, and what is refused.
import { Buffer } from 'node:buffer';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { unpackKernel } from '../../linux/kernel-unpack.ts';
import { makeImage, makeZboot } from './kernels.ts';

const image = makeImage();
const packed = gzipSync(image);

const refusal = (bytes: Buffer, limitBytes?: number): string | undefined => {
  const found = unpackKernel(bytes, 'Image.gz', limitBytes);
  return found.kind === 'refused' ? `${found.diagnostic.code} ${found.diagnostic.message}` : undefined;
};

describe('a packed kernel', () => {
  it("[Kernel image] gzip'd Image.gz: unpacked", () => {
    expect(unpackKernel(packed, 'x')).toEqual({ kind: 'unpacked', packing: 'gzip', bytes: image });
  });

  it('[Kernel image] EFI zboot (MZ + zimg): unpacked, if gzip packs it', () => {
    expect(unpackKernel(makeZboot(packed, 'gzip'), 'x')).toEqual({
      kind: 'unpacked',
      packing: 'gzip',
      bytes: image,
    });
  });

  it.each([['xz'], ['lz4'], ['lzma'], ['lzo']])(
    'EFI zboot with %s, which is not unpacked here, goes on to be named',
    (packing) => {
      expect(unpackKernel(makeZboot(packed, packing), 'x')).toEqual({ kind: 'raw' });
    },
  );

  it.each([
    ['raw', image],
    ['empty', Buffer.alloc(0)],
    ['no zboot image, but another PE file', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(100)])],
  ])('%s: left as it is', (_, bytes) => {
    expect(unpackKernel(bytes, 'x')).toEqual({ kind: 'raw' });
  });

  it.each<readonly [string, Buffer, string]>([
    [
      "[Kernel image] gzip'd Image.gz: cut off",
      packed.subarray(0, -9),
      `KERN121 kernel 'Image.gz' cannot be unpacked (gzip, ${packed.length - 9} bytes): unexpected end of file`,
    ],
    [
      '[Kernel image] EFI zboot (MZ + zimg): cut off',
      makeZboot(packed, 'gzip').subarray(0, -1),
      `KERN121 EFI zboot image 'Image.gz' is cut off: its packed kernel ends at byte ${1024 + packed.length}, the file at ${1023 + packed.length}`,
    ],
    [
      'EFI zboot with rubbish inside',
      makeZboot(Buffer.alloc(10), 'gzip'),
      "KERN121 EFI zboot image 'Image.gz' cannot be unpacked (gzip, 10 bytes): incorrect header check",
    ],
  ])('%s: refused', (_, bytes, expected) => {
    expect(refusal(bytes)).toBe(expected);
  });

  it('one that unpacks to more than the limit', () => {
    expect(refusal(packed, image.length)).toBeUndefined();
    expect(refusal(packed, image.length - 1)).toBe(
      "KERN121 kernel 'Image.gz' unpacks (gzip) to more than 1023 B (0x3ff)",
    );
  });
});
