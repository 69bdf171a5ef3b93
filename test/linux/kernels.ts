// SPDX-License-Identifier: BSD-2-Clause
// Kernel images that are only as much Image as the inspection looks at.
import { Buffer } from 'node:buffer';

export interface Shape {
  readonly flags?: bigint;
  readonly imageSize?: bigint;
  readonly textOffset?: bigint;
  readonly banner?: string;
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
  return bytes;
}
