// SPDX-License-Identifier: BSD-2-Clause
// A tree that looks like a Microkit SDK, a libvmm or an sDDF to vmbuild; the files are empty where only their presence
// counts.
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { write } from '../scratch.ts';
import { fakeElf } from './fake-elf.ts';

export const genConfig = {
  SEL4_ARCH: 'aarch64',
  ARM_HYPERVISOR_SUPPORT: true,
  ARM_GIC_V3_SUPPORT: false,
  DEBUG_BUILD: true,
  PRINTING: true,
  MAX_NUM_NODES: '1',
  TIMER_FREQUENCY: '62500000',
};
export const platformGen = {
  memory: [{ start: 0x60000000, end: 0xc0000000 }],
  devices: [
    { start: 0, end: 0x8000000 },
    { start: 0xc0000000, end: 2 ** 40 },
  ],
};
/** 40 bits, all of them the user's. */
const addressSpace = { vspace_user_top: 0xff_ffff_ffff };

/** As of Microkit 2.3.0 for qemu_virt_aarch64, debug. */
const kernelSegment = { vaddr: 0x80_6000_0000n, paddr: 0x6000_0000n, memSize: 0x25_d000n };

export function fakeSdk(
  path: string,
  { version = '2.3.0', boards = ['qemu_virt_aarch64'], configs = ['debug', 'release'] } = {},
): string {
  write(path, 'VERSION', `${version}\n`);
  chmodSync(write(path, 'bin/microkit', '#!/bin/sh\n'), 0o755);
  for (const board of boards)
    for (const config of configs) {
      const directory = join(path, 'board', board, config);
      const files = ['loader', 'monitor'].map((name) => `elf/${name}.elf`);
      const tables = ['invocations_all', 'object_sizes'].map((name) => `${name}.json`);
      for (const name of [...files, ...tables, 'lib/libmicrokit.a', 'lib/microkit.ld', 'include/microkit.h'])
        write(directory, name, '');
      write(directory, 'elf/sel4.elf', fakeElf([kernelSegment]));
      write(directory, 'elf/initialiser.elf', fakeElf([{ vaddr: 0x20_0000n, memSize: 0x4_f180n }]));
      write(directory, 'include/kernel/gen_config.json', JSON.stringify(genConfig));
      write(directory, 'platform_gen.json', JSON.stringify(platformGen));
      write(directory, 'address_space_constants.json', JSON.stringify(addressSpace));
    }
  return path;
}

export function fakeLibvmm(path: string, version = '0.2.0'): string {
  write(path, 'VERSION', `${version}\n`);
  for (const name of ['include/libvmm/libvmm.h', 'vmm.mk']) write(path, name, '');
  return path;
}

export function fakeSddf(path: string): string {
  for (const name of [
    'include/sddf/serial/queue.h',
    'serial/components/virt_tx.c',
    'util/custom_libc/libc.c',
  ])
    write(path, name, '');
  return path;
}

/** A checkout's .git, as git leaves it after `git checkout <commit>`. */
export const fakeCheckout = (path: string, commit: string): string => write(path, '.git/HEAD', `${commit}\n`);
