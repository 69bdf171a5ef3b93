// SPDX-License-Identifier: BSD-2-Clause
// Compiles the seat in a libvmm VMM (vmm/libvmm) with the libvmm and the Microkit that fake/ plays, and its C tests.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cFiles, compileObjects, testDir } from '../compile.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const vmm = fileURLToPath(new URL('../../../vmm', import.meta.url));
const fake = join(here, 'fake');

export const seatDir = join(vmm, 'libvmm');
export const includes = [fake, here, vmm, seatDir, join(vmm, 'vsock')].map((dir) => `-I${dir}`);

// The one only calls libvmm, with symbols of images.S; the other only reads the machine's registers.
const untested = new Set(['guest_images.c', 'generic_timer.c']);
const sources = cFiles(seatDir).filter((path) => !untested.has(path.split('/').at(-1) ?? ''));

/** The tests of both interrupt controllers, and those of one; `folder` is gic_v2 or gic_v3. */
export const seatTests = (folder: string): string[] => [...cFiles(here), ...cFiles(join(here, folder))];

/** Objects by source name, in `out`, which must be there. */
export const compileSeat = (
  clang: string,
  folder: string,
  out: string,
  flags: readonly string[],
): Promise<Map<string, string>> =>
  compileObjects(
    clang,
    [...sources, ...seatTests(folder), ...cFiles(fake), join(testDir, 'harness.c')],
    out,
    [...flags, ...includes],
  );
