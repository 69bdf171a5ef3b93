// SPDX-License-Identifier: BSD-2-Clause
// An arm64 Image in an ELF file, for QEMU's machine `virt`. QEMU reads an Image into memory twice (to see whether it is
// gzip'd) and copies it twice more; of an ELF file it maps the segments and copies them once.
//
// What QEMU does for an Image it leaves to an ELF file: it puts the device tree at the start of RAM, starts at the
// entry point with all registers zero, and loads no initrd. So a few instructions before the kernel do what arm64's boot
// protocol wants (Documentation/arch/arm64/booting.rst): x0 = device tree, x1 to x3 = 0, jump to the first byte.
import { Buffer } from 'node:buffer';

/** Of QEMU's hw/arm/virt.c. */
export const ramBase = 0x4000_0000;
/** An Image wants to be 2 MiB aligned; the device tree and the first instructions fit below. */
const kernelAddress = ramBase + 0x20_0000;
const entryAddress = kernelAddress - 0x1000;

const pageBytes = 0x1000;
const headerBytes = 64;
const programHeaderBytes = 56;

export function wrapKernel(image: Uint8Array): Buffer {
  const head = Buffer.alloc(2 * pageBytes);
  const code = renderEntry();
  writeHeader(head);
  writeSegment(head, 0, { offset: pageBytes, address: entryAddress, size: code.length });
  writeSegment(head, 1, { offset: 2 * pageBytes, address: kernelAddress, size: image.length });
  code.copy(head, pageBytes);
  return Buffer.concat([head, image]);
}

function renderEntry(): Buffer {
  const instructions = [
    0x580000c0, // ldr x0, 24 bytes on
    0xaa1f03e1, // mov x1, xzr
    0xaa1f03e2, // mov x2, xzr
    0xaa1f03e3, // mov x3, xzr
    0x58000084, // ldr x4, 16 bytes on
    0xd61f0080, // br x4
  ];
  const code = Buffer.alloc(instructions.length * 4 + 16);
  for (const [i, instruction] of instructions.entries()) code.writeUInt32LE(instruction, i * 4);
  code.writeBigUInt64LE(BigInt(ramBase), 24);
  code.writeBigUInt64LE(BigInt(kernelAddress), 32);
  return code;
}

/** ELF-64 Object File Format 1.5: little endian, ET_EXEC (2), EM_AARCH64 (183), two program headers. */
function writeHeader(head: Buffer): void {
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(head);
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(183, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BigInt(entryAddress), 24);
  head.writeBigUInt64LE(BigInt(headerBytes), 32);
  head.writeUInt16LE(headerBytes, 52);
  head.writeUInt16LE(programHeaderBytes, 54);
  head.writeUInt16LE(2, 56);
}

interface Segment {
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** PT_LOAD (1), readable, writable and executable. */
function writeSegment(head: Buffer, index: number, { offset, address, size }: Segment): void {
  const at = headerBytes + index * programHeaderBytes;
  head.writeUInt32LE(1, at);
  head.writeUInt32LE(7, at + 4);
  for (const [i, value] of [offset, address, address, size, size, pageBytes].entries())
    head.writeBigUInt64LE(BigInt(value), at + 8 + i * 8);
}
