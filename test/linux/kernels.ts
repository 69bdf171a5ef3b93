// SPDX-License-Identifier: BSD-2-Clause
// Kernel images that are only as much Image as the inspection looks at.
import { Buffer } from 'node:buffer';
import { gzipSync } from 'node:zlib';

export interface Shape {
  readonly flags?: bigint;
  readonly imageSize?: bigint;
  readonly textOffset?: bigint;
  readonly banner?: string;
  /** Text of the configuration inside, as CONFIG_IKCONFIG puts it there. */
  readonly config?: string;
}

/** A header and a banner; what follows would be code. */
export function makeImage(shape: Shape = {}): Buffer {
  const banner = shape.banner ?? 'Linux version 7.3.4+deb13-cloud-arm64 (x@y)';
  const bytes = Buffer.alloc(1024);
  bytes.writeBigUInt64LE(shape.textOffset ?? 0n, 8);
  bytes.writeBigUInt64LE(shape.imageSize ?? 0x20_0000n, 16);
  bytes.writeBigUInt64LE(shape.flags ?? 2n, 24);
  bytes.write('ARM\x64', 56, 'latin1');
  bytes.write(`%s version %s\0Linux version %s\0${banner}`, 512);
  if (shape.config === undefined) return bytes;
  return Buffer.concat([bytes, Buffer.from('IKCFG_ST'), gzipSync(shape.config), Buffer.from('IKCFG_ED')]);
}

/** An EFI zboot image around `payload`: what is read of it, without its program. */
export function makeZboot(payload: Buffer, packing: string): Buffer {
  const head = Buffer.alloc(1024);
  head.write('MZ\0\0zimg', 'latin1');
  head.writeUInt32LE(head.length, 8);
  head.writeUInt32LE(payload.length, 12);
  head.write(packing, 24);
  return Buffer.concat([head, payload]);
}

/** A .config with all that the guests need. */
export const goodConfig = [
  'CONFIG_VSOCKETS=y',
  'CONFIG_VSOCKETS_LOOPBACK=y',
  'CONFIG_VIRTIO_VSOCKETS=y',
  'CONFIG_VIRTIO_VSOCKETS_COMMON=y',
  'CONFIG_VIRTIO_MMIO=y',
  'CONFIG_BLK_DEV_INITRD=y',
  'CONFIG_RD_GZIP=y',
  'CONFIG_VIRTIO_CONSOLE=y',
  '',
].join('\n');
