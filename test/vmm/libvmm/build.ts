// SPDX-License-Identifier: BSD-2-Clause
// Compiles vmm/libvmm with the C tests of this folder against fake/, which plays the Microkit and libvmm. Used by the
// tests and by the mutants.

import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { cFiles, compileObjects, testDir } from '../compile.ts';

const vmm = fileURLToPath(new URL('../../../vmm', import.meta.url));
export const seatDir = join(vmm, 'libvmm');
const here = fileURLToPath(new URL('.', import.meta.url));
const fake = join(here, 'fake');

/** The same code for both interrupt controllers, each with the tests of its own. */
export const controllers = [
  { title: 'with a GICv2', folder: 'gic_v2', flags: ['-DGUEST_CPU_INTERFACE=0x8010000'] },
  { title: 'with a GICv3', folder: 'gic_v3', flags: ['-DCONFIG_ARM_GIC_V3_SUPPORT'] },
] as const;

export type Controller = (typeof controllers)[number];

export const seatFlags = ({ flags }: Controller): string[] => [
  ...[fake, here, vmm, seatDir, join(vmm, 'vsock')].map((dir) => `-I${dir}`),
  ...flags,
];

// The one only calls libvmm, with symbols of images.S; the other only reads the machine's registers.
const untested = new Set(['guest_images.c', 'generic_timer.c']);

/** The C tests for this controller. */
export const seatTests = ({ folder }: Controller): string[] => [
  ...cFiles(here),
  ...cFiles(join(here, folder)),
];

/** Object files by source name. */
export async function compileSeat(
  clang: string,
  controller: Controller,
  out: string,
  flags: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const sources = cFiles(seatDir).filter((path) => !untested.has(basename(path)));
  await mkdir(out, { recursive: true });
  return compileObjects(
    clang,
    [...sources, ...seatTests(controller), ...cFiles(fake), join(testDir, 'harness.c')],
    out,
    [...flags, ...seatFlags(controller)],
  );
}

export async function linkSeat(
  clang: string,
  out: string,
  flags: readonly string[],
  objects: ReadonlyMap<string, string>,
): Promise<string> {
  const program = join(out, 'libvmm-tests');
  await execa(clang, [...flags, ...objects.values(), '-o', program]);
  return program;
}
