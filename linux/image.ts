// SPDX-License-Identifier: BSD-2-Clause
// Looks at a kernel before it is used. libvmm takes one format, the raw arm64 Image (Linux
// Documentation/arch/arm64/booting.rst): everything else is named for what it is, with the way to unpack it, because
// in the guest it would only be silence.
//
//     offset  0  two instructions, or "MZ" of the EFI stub
//             8  text_offset, 16 image_size (with BSS), 24 flags: all u64, little endian
//            56  "ARM\x64"
//            60  offset of the PE header, if there is one
import type { Buffer } from 'node:buffer';
import type { Diagnostic } from '../meta/diagnostic.ts';
import { formatRange, formatSize } from '../meta/diagnostic.ts';
import type { GuestLayout } from '../meta/guest.ts';

/** What the header of an arm64 Image says, and the release from the banner inside. */
export interface KernelImage {
  /** From a 2 MiB aligned base; 0 for kernels since 5.10. */
  readonly textOffset: bigint;
  /** Bytes of RAM that it takes from there on, BSS included. */
  readonly imageSize: bigint;
  /** Undefined: unspecified, as before Linux 4.6. */
  readonly pageSizeBytes: 4096 | 16384 | 65536 | undefined;
  /** As `uname -r` will say it, e.g. `7.3.4+deb13-cloud-arm64`, if the banner was found. */
  readonly release: string | undefined;
}

/** `image` is there if and only if no diagnostic is an error. `path` is how messages call the file. */
export function inspectKernel(
  bytes: Buffer,
  path: string,
): { readonly image?: KernelImage; readonly diagnostics: readonly Diagnostic[] } {
  const foreign = nameForeign(bytes, path);
  if (foreign !== undefined) return { diagnostics: [foreign] };

  const flags = bytes.readBigUInt64LE(24);
  const image: KernelImage = {
    textOffset: bytes.readBigUInt64LE(8),
    imageSize: bytes.readBigUInt64LE(16),
    pageSizeBytes: ([undefined, 4096, 16384, 65536] as const)[Number((flags >> 1n) & 3n)],
    release: findRelease(bytes),
  };
  const diagnostics = [
    ...checkFlags(flags, path),
    ...checkHeader(image, path),
    ...checkPageSize(image, path),
    ...checkComplete(bytes, path),
    ...checkRelease(image, path),
  ];
  return diagnostics.some(({ severity }) => severity === 'error') ? { diagnostics } : { image, diagnostics };
}

/** Where the kernel will lie in guest RAM, if it fits its window; else why not. */
export function checkKernelFit(image: KernelImage, layout: GuestLayout, path: string): Diagnostic[] {
  const { kernel, ram } = layout;
  const start = ram.base + image.textOffset;
  const end = start + image.imageSize;
  if (start >= kernel.start && end <= kernel.end) return [];
  const over = end > kernel.end ? `${formatSize(end - kernel.end)} too far` : 'below it';
  return [
    problem(
      'KERN120',
      path,
      `takes ${formatRange(start, end)} of guest RAM, ${formatSize(image.imageSize)} with its BSS, but the kernel window is ${formatRange(kernel.start, kernel.end)}: ${over}`,
      'use a smaller kernel, or a guest layout with more RAM',
    ),
  ];
}

const headerBytes = 64;
const arm64Magic = 0x644d5241; // "ARM\x64", little endian

const problem = (code: string, path: string, what: string, hint: string): Diagnostic => ({
  code,
  severity: 'error',
  message: `kernel '${path}' ${what}`,
  place: { file: path },
  hint,
});

/** What a file is that is no arm64 Image; undefined if it is one. */
function nameForeign(bytes: Buffer, path: string): Diagnostic | undefined {
  const refusal = (code: string, what: string, hint: string): Diagnostic =>
    problem(code, path, `is ${what}, not a raw arm64 Image`, hint);
  if (bytes.length === 0) return refusal('KERN101', 'empty', 'copy it again');
  if (isAt(bytes, 0, '1f8b'))
    return refusal('KERN102', 'packed with gzip', `unpack it: gzip -dc '${path}' > Image`);
  for (const { magic, name, tool } of packers)
    if (isAt(bytes, 0, magic))
      return refusal('KERN103', `packed with ${name}`, `unpack it: ${tool} -dc '${path}' > Image`);
  if (isAt(bytes, 0, '4d5a') && isAt(bytes, 4, '7a696d67'))
    return refusal('KERN104', nameZboot(bytes), zbootHint(bytes, path));
  if (isAt(bytes, 0, '7f454c46'))
    return refusal(
      'KERN105',
      'an ELF file (vmlinux)',
      `convert it: llvm-objcopy -O binary '${path}' Image, or take arch/arm64/boot/Image`,
    );
  if (isAt(bytes, 0x202, '48647253'))
    return refusal('KERN106', 'an x86 bzImage', 'use a kernel that is built for arm64');
  if (isAt(bytes, 0x24, '18286f01'))
    return refusal('KERN107', 'a 32-bit Arm zImage', 'use a kernel that is built for arm64');
  if (isAt(bytes, 0x30, '52495343'))
    return refusal('KERN107', 'a RISC-V Image', 'use a kernel that is built for arm64');
  if (isAt(bytes, 0, '27051956'))
    return refusal('KERN108', 'a U-Boot uImage', `strip its 64-byte header: tail -c +65 '${path}' > Image`);
  if (isAt(bytes, 0, 'd00dfeed'))
    return refusal('KERN108', 'a device tree or FIT image', 'take the Image that is in it');
  if (bytes.length < headerBytes)
    return refusal(
      'KERN109',
      `${bytes.length} bytes long, less than the ${headerBytes} of the header`,
      'copy it again',
    );
  if (bytes.readUInt32LE(56) !== arm64Magic)
    return refusal(
      'KERN110',
      `something else: it has 0x${bytes.readUInt32LE(56).toString(16)} at offset 56 in place of 0x644d5241 ("ARM\\x64")`,
      'take arch/arm64/boot/Image of an arm64 kernel build',
    );
  return undefined;
}

const packers = [
  { magic: 'fd377a585a00', name: 'xz', tool: 'xz' },
  { magic: '28b52ffd', name: 'zstd', tool: 'zstd' },
  { magic: '04224d18', name: 'lz4', tool: 'lz4' },
  { magic: '02214c18', name: 'lz4', tool: 'lz4' },
  { magic: '425a68', name: 'bzip2', tool: 'bzip2' },
] as const;

const isAt = (bytes: Buffer, offset: number, hexText: string): boolean =>
  bytes.toString('hex', offset, offset + hexText.length / 2) === hexText;

/** EFI zboot (drivers/firmware/efi/libstub/zboot-header.S): payload offset at 8, size at 12, packer's name at 24. */
const zbootPacker = (bytes: Buffer): string =>
  /^[a-z0-9]+/.exec(bytes.toString('latin1', 24, 56))?.[0] ?? 'gzip';
const nameZboot = (bytes: Buffer): string => `an EFI zboot image (packed with ${zbootPacker(bytes)})`;

function zbootHint(bytes: Buffer, path: string): string {
  if (bytes.length < headerBytes) return 'copy it again';
  const tool = zbootPacker(bytes).replace('zstd22', 'zstd');
  return `unpack it: tail -c +${bytes.readUInt32LE(8) + 1} '${path}' | head -c ${bytes.readUInt32LE(12)} | ${tool} -dc > Image`;
}

const checkFlags = (flags: bigint, path: string): Diagnostic[] =>
  (flags & 1n) === 0n
    ? []
    : [
        problem(
          'KERN111',
          path,
          'is big-endian, but the virtio devices and the VMM are little-endian',
          'build it without CONFIG_CPU_BIG_ENDIAN',
        ),
      ];

/** Header sanity: image_size is 0 before Linux 3.17; text_offset lies in the 2 MiB block of the base. */
function checkHeader({ imageSize, textOffset }: KernelImage, path: string): Diagnostic[] {
  if (imageSize === 0n)
    return [
      problem(
        'KERN112',
        path,
        'says image_size 0, so nobody knows how much RAM it takes',
        'use a kernel of 3.17 or later',
      ),
    ];
  if (textOffset >= 0x20_0000n)
    return [
      problem(
        'KERN113',
        path,
        `says text_offset 0x${textOffset.toString(16)}, which is not below 2 MiB (0x200000)`,
        'copy it again: the header is damaged',
      ),
    ];
  return [];
}

function checkPageSize({ pageSizeBytes }: KernelImage, path: string): Diagnostic[] {
  if (pageSizeBytes === undefined || pageSizeBytes === 4096) return [];
  const what = `uses pages of ${pageSizeBytes / 1024} KiB; 4 KiB are what every CPU here has`;
  return [
    { ...problem('KERN114', path, what, 'build it with CONFIG_ARM64_4K_PAGES=y'), severity: 'warning' },
  ];
}

/** With an EFI stub the Image is a PE file too, and its section table says how long it must be. */
function checkComplete(bytes: Buffer, path: string): Diagnostic[] {
  const pe = bytes.readUInt32LE(60);
  if (!isAt(bytes, 0, '4d5a') || pe + 24 > bytes.length || !isAt(bytes, pe, '50450000')) return [];
  const table = pe + 24 + bytes.readUInt16LE(pe + 20);
  const count = bytes.readUInt16LE(pe + 6);
  let wanted = 0;
  for (let header = table; header < table + count * 40 && header + 40 <= bytes.length; header += 40)
    wanted = Math.max(wanted, bytes.readUInt32LE(header + 16) + bytes.readUInt32LE(header + 20));
  if (wanted <= bytes.length) return [];
  return [
    problem('KERN115', path, `is cut off: ${bytes.length} of ${wanted} bytes`, 'copy or download it again'),
  ];
}

/** Releases are short; without a cap a damaged file could put its noise into messages. */
function findRelease(bytes: Buffer): string | undefined {
  const prefix = 'Linux version ';
  for (let at = bytes.indexOf(prefix); at >= 0; at = bytes.indexOf(prefix, at + 1)) {
    const found = /^(\d+\.\d[\w.+~-]{0,63}) /.exec(
      bytes.toString('latin1', at + prefix.length, at + prefix.length + 80),
    );
    if (found?.[1] !== undefined) return found[1];
  }
  return undefined;
}

function checkRelease({ release }: KernelImage, path: string): Diagnostic[] {
  const [major = 0, minor = 0] = (release ?? '').split('.').map(Number.parseFloat);
  if (release === undefined || major > 6 || (major === 6 && minor >= 13)) return [];
  const warning = problem(
    'KERN116',
    path,
    `is Linux ${release}; before 6.13 a vsock write larger than the peer's buffer can hang`,
    'use 6.13 or later unless your distribution has the fix',
  );
  return [{ ...warning, severity: 'warning' }];
}
