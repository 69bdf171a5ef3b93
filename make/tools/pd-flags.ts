// SPDX-License-Identifier: BSD-2-Clause
// What clang is told when it compiles for a protection domain.

/** Sources: Microkit's manual, sDDF's and libvmm's Makefiles. `cpu` as in `cortex-a53`. */
export const targetFlags = (cpu: string): readonly string[] => [
  '--target=aarch64-none-elf',
  `-mcpu=${cpu}`,
  '-mstrict-align',
  '-ffreestanding',
  '-g3',
  '-O2',
  '-Wall',
];

/** For code that touches nothing but RAM, which bears accesses of any alignment: small copies become loads and stores. */
export const ramOnlyFlags = ['-munaligned-access'];

/** As libvmm does: in debug configurations undefined behaviour traps, and the monitor says where. */
export const sanitizerFlags = (config: string): readonly string[] =>
  config.includes('debug') ? ['-fsanitize=undefined', '-fsanitize-trap=undefined'] : [];
