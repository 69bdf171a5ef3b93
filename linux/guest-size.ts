// SPDX-License-Identifier: BSD-2-Clause
// How large the files of a guest will be, before they are built: for the sums of make/image-memory.ts. Whether they fit
// the guest's own windows is judged when they are there (guest.ts, `fit`).
import { stat } from 'node:fs/promises';
import type { GuestImages } from './images.ts';

/** Bytes of kernel, initrd and device tree together. */
export async function estimateGuestBytes({ kernel, initrd, busybox, modules }: GuestImages): Promise<bigint> {
  const unpacked = initrd === undefined && busybox !== undefined ? [busybox] : [];
  const parts = await sizeOf([...unpacked, ...modules.map(({ path }) => path)]);
  const packed = ((parts + programsBytes) * packedPercent) / 100n;
  return (await sizeOf([kernel.path, ...(initrd === undefined ? [] : [initrd])])) + packed + dtbBytes;
}

/** PID 1 and the two programs: 46 KiB. */
const programsBytes = 0xc000n;
/** What gzip makes of busybox, the modules and the programs: 50 % (Debian's 7.3.4). */
const packedPercent = 50n;
/** A device tree has 1.4 KiB, with --append up to 2 KiB more. */
const dtbBytes = 0x1000n;

async function sizeOf(paths: readonly string[]): Promise<bigint> {
  const sizes = await Promise.all(paths.map(async (path) => BigInt((await stat(path)).size)));
  return sizes.reduce((a, b) => a + b, 0n);
}
