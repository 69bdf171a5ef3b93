// SPDX-License-Identifier: BSD-2-Clause
// Systems as large as anyone has: 60 protection domains, 2000 regions, and as many maps and channels as are wanted. The
// Microkit tool accepts them. Described with the library as its users have it, from dist/.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageDirectory } from '../../boards/index.ts';
import type * as library from '../../meta/index.ts';

export type Library = typeof library;

export const loadLibrary = async (): Promise<Library> =>
  (await import(pathToFileURL(join(packageDirectory(), 'dist/meta.js')).href)) as Library;

export interface SystemSize {
  readonly pds: number;
  readonly regions: number;
  /** Spread over regions and protection domains; no region is mapped twice by one. */
  readonly maps: number;
  readonly channels: number;
}

/** The system of the Microkit tool's own figures (README.md). */
export const middleSize: SystemSize = { pds: 60, regions: 2000, maps: 2040, channels: 1200 };
export const largeSize = (maps: number): SystemSize => ({ ...middleSize, maps, channels: 0 });

/** Each map gets its address, each channel its ids. */
export function placeSystem(
  { paddr, SystemBuilder }: Library,
  { pds, regions, maps, channels }: SystemSize,
): InstanceType<Library['SystemBuilder']> {
  const sdf = new SystemBuilder({ arch: 'aarch64', paddrTop: paddr(0x6000_0000) });
  const domains = Array.from({ length: pds }, (_, i) =>
    sdf.addPd({ name: `component_${i}`, programImage: 'component.elf', priority: 10 + i }),
  );
  const memory = Array.from({ length: regions }, (_, i) =>
    sdf.addMr({ name: `memory_region_${i}`, size: 0x1000n }),
  );
  for (let i = 0; i < maps; i += 1) {
    const mr = memory[i % regions];
    const pd = domains[(i + Math.floor(i / regions)) % pds];
    if (mr !== undefined) pd?.map(mr, { perms: 'rw' });
  }
  for (let i = 0; i < channels; i += 1) {
    const a = domains[i % pds];
    const b = domains[(i + 1 + Math.floor(i / pds)) % pds];
    if (a !== undefined && b !== undefined) sdf.addChannel({ a: { pd: a }, b: { pd: b } });
  }
  return sdf;
}
