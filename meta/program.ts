// SPDX-License-Identifier: BSD-2-Clause
// What the program of a protection domain is made from. Microkit knows nothing of it, so it is no part of the system
// description: a description hands it over beside it, and make/pd/ makes steps of it.

export type Program = OwnProgram | SddfProgram;

/** C (and assembly) of the user's own. Paths are relative to the description. */
export interface OwnProgram {
  readonly sources: readonly string[];
  /** Directories of headers, beside those of the sources, of Microkit and of the libraries. */
  readonly includes?: readonly string[];
  /** For clang, after vmbuild's own. */
  readonly flags?: readonly string[];
  /** Default: sDDF's utilities, with its small C library. */
  readonly libraries?: readonly Library[];
}

/** `serial_printf`: sDDF's printf prints over the serial port, after serial_putchar_init(), not by the kernel's debug call. */
export type Library = 'sddf' | 'serial_printf' | 'libvmm';

/** A program of sDDF's, for the board's device. */
export interface SddfProgram {
  readonly sddf: SddfProgramName;
}

export const sddfProgramNames = [
  'timer_driver',
  'serial_driver',
  'serial_virt_rx',
  'serial_virt_tx',
] as const;
export type SddfProgramName = (typeof sddfProgramNames)[number];
