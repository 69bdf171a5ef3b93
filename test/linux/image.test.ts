// SPDX-License-Identifier: BSD-2-Clause
// One bad kernel per rule, and the text that it gets.
import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { checkKernelFit, inspectKernel } from '../../linux/image.ts';
import { makeImage } from './kernels.ts';
import { testLayout } from './layout.ts';

/** With the PE header of an EFI stub whose only section ends at `end`. */
function makeEfiImage(end: number): Buffer {
  const bytes = makeImage();
  bytes.write('MZ', 0);
  bytes.writeUInt32LE(64, 60);
  bytes.write('PE\0\0', 64);
  bytes.writeUInt16LE(1, 64 + 6);
  bytes.writeUInt16LE(32, 64 + 20);
  bytes.writeUInt32LE(end - 256, 64 + 24 + 32 + 16);
  bytes.writeUInt32LE(256, 64 + 24 + 32 + 20);
  return bytes;
}

const at = (offset: number, hexText: string): Buffer => {
  const bytes = Buffer.alloc(1024);
  bytes.write(hexText, offset, 'hex');
  return bytes;
};

function makeZboot(): Buffer {
  const bytes = at(0, '4d5a00007a696d67');
  bytes.writeUInt32LE(0x400, 8);
  bytes.writeUInt32LE(12345, 12);
  bytes.write('zstd', 24);
  return bytes;
}

const judge = (bytes: Buffer): string =>
  inspectKernel(bytes, "it's")
    .diagnostics.map(({ code, severity, message, hint }) => `${code} ${severity}: ${message} | ${hint}`)
    .join('\n');

describe('kernel image', () => {
  it.each<readonly [string, string, Buffer, string]>([
    ['empty', 'KERN101', Buffer.alloc(0), 'is empty, not a raw arm64 Image'],
    [
      "gzip'd, where it is not unpacked",
      'KERN102',
      at(0, '1f8b08'),
      'is packed with gzip, not a raw arm64 Image | unpack it: gzip -dc',
    ],
    ['xz', 'KERN103', at(0, 'fd377a585a00'), 'is packed with xz'],
    ['zstd', 'KERN103', at(0, '28b52ffd'), 'is packed with zstd'],
    ['lz4', 'KERN103', at(0, '02214c18'), 'is packed with lz4'],
    [
      '[Kernel image] EFI zboot (MZ + zimg): named, with the command that takes the Image out',
      'KERN104',
      makeZboot(),
      "is an EFI zboot image (packed with zstd), not a raw arm64 Image | unpack it: tail -c +1025 'it's' | head -c 12345 | zstd -dc > Image",
    ],
    ['EFI zboot, cut off', 'KERN104', makeZboot().subarray(0, 30), 'is an EFI zboot image'],
    [
      '[Kernel image] ELF vmlinux: named, with the command',
      'KERN105',
      at(0, '7f454c46'),
      'is an ELF file (vmlinux)',
    ],
    ['[Kernel image] x86 bzImage: named', 'KERN106', at(0x202, '48647253'), 'is an x86 bzImage'],
    ['[Kernel image] arm32 zImage: named', 'KERN107', at(0x24, '18286f01'), 'is a 32-bit Arm zImage'],
    ['a RISC-V Image', 'KERN107', at(0x30, '52495343'), 'is a RISC-V Image'],
    ['a uImage', 'KERN108', at(0, '27051956'), 'is a U-Boot uImage'],
    ['a FIT image', 'KERN108', at(0, 'd00dfeed'), 'is a device tree or FIT image'],
    [
      '[Kernel image] truncated: shorter than its header',
      'KERN109',
      makeImage().subarray(0, 63),
      'is 63 bytes long, less than the 64 of the header',
    ],
    [
      '[Kernel image] magic other than ARM\\x64 at 56: said, with what is there',
      'KERN110',
      Buffer.alloc(1024),
      'has 0x0 at offset 56 in place of 0x644d5241',
    ],
    ['[Kernel image] big-endian flag: refused', 'KERN111', makeImage({ flags: 3n }), 'is big-endian'],
    ['[Kernel image] image_size 0: refused', 'KERN112', makeImage({ imageSize: 0n }), 'says image_size 0'],
    [
      '[Kernel image] text_offset or 2 MiB alignment wrong: refused',
      'KERN113',
      makeImage({ textOffset: 0x20_0000n }),
      'says text_offset 0x200000, which is not below 2 MiB',
    ],
    [
      '[Kernel image] 16K or 64K pages: a warning at 64',
      'KERN114',
      makeImage({ flags: 6n }),
      'uses pages of 64 KiB',
    ],
    [
      '[Kernel image] 16K or 64K pages: a warning at 16',
      'KERN114',
      makeImage({ flags: 4n }),
      'uses pages of 16 KiB',
    ],
    [
      '[Kernel image] truncated: shorter than its own section table says',
      'KERN115',
      makeEfiImage(1025),
      'is cut off: 1024 of 1025 bytes',
    ],
    [
      'one before 6.13',
      'KERN116',
      makeImage({ banner: 'Linux version 6.12.117+deb13-arm64 (x)' }),
      'is Linux 6.12.117+deb13-arm64; before 6.13',
    ],
    [
      'an old one',
      'KERN116',
      makeImage({ banner: 'Linux version 5.10.0 (x)' }),
      'is Linux 5.10.0; before 6.13',
    ],
  ])('%s', (_, code, bytes, text) => {
    const judged = judge(bytes);
    expect(judged.split(' ')[0]).toBe(code);
    expect(judged).toContain(text);
    expect(judged.split('\n')).toHaveLength(1);
  });

  it.each([
    ['6.13.0', makeImage({ banner: 'Linux version 6.13.0 (x)' }), '6.13.0'],
    ['7.3', makeImage(), '7.3.4+deb13-cloud-arm64'],
    ['with an EFI stub', makeEfiImage(1024), '7.3.4+deb13-cloud-arm64'],
    ['without a banner', makeImage({ banner: '' }), undefined],
  ])('takes one of %s', (_, bytes, release) => {
    const { image, diagnostics } = inspectKernel(bytes, 'Image');
    expect(diagnostics).toEqual([]);
    expect(image).toEqual({ textOffset: 0n, imageSize: 0x20_0000n, pageSizeBytes: 4096, release });
  });

  it('an error gives no image, a warning does', () => {
    expect(inspectKernel(makeImage({ flags: 3n }), 'x').image).toBeUndefined();
    expect(inspectKernel(makeImage({ flags: 6n }), 'x').image?.pageSizeBytes).toBe(65536);
  });

  it('[Kernel image] larger than the RAM slot: against its window, with BSS and text_offset, to the byte', () => {
    const fits = (imageSize: bigint, textOffset = 0n) =>
      checkKernelFit({ imageSize, textOffset, pageSizeBytes: 4096, release: undefined }, testLayout, 'Image');
    expect(fits(0x700_0000n)).toEqual([]);
    expect(fits(0x6f8_0000n, 0x8_0000n)).toEqual([]);
    expect(fits(0x700_0000n, 0x8_0000n)[0]?.message).toBe(
      "kernel 'Image' takes [0x40080000..0x47080000) of guest RAM, 112 MiB (0x7000000) with its BSS, but the kernel window is [0x40000000..0x47000000): 512 KiB (0x80000) too far",
    );
    expect(fits(0x700_0001n)).toHaveLength(1);
  });
});
