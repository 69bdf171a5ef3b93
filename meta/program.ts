// SPDX-License-Identifier: BSD-2-Clause
// What the program of a protection domain is made from. Microkit knows nothing of it, so it is no part of the system
// description: a description hands it over beside it, and make/pd/ makes steps of it.

import type { GuestLayout } from './guest.ts';

export type Program = OwnProgram | SddfProgram | VmbuildProgram;

/** C (and assembly) of the user's own. Paths are relative to the description. */
export interface OwnProgram {
  readonly sources: readonly string[];
  /** Directories of headers, beside those of the sources, of Microkit and of the libraries. */
  readonly includes?: readonly string[];
  /** For clang, after vmbuild's own. */
  readonly flags?: readonly string[];
  /** Default: sDDF's utilities, with its small C library. */
  readonly libraries?: readonly Library[];
  /** Of a VMM: its guest's files are linked in. */
  readonly guest?: EmbeddedGuest;
}

/** `serial_printf`: sDDF's printf prints over the serial port, after serial_putchar_init(), not by the kernel's debug call. */
export type Library = 'sddf' | 'serial_printf' | 'libvmm';

/** A program that vmbuild brings (vmm/): the VMM of a Linux guest, and what wakes VMMs whose timer fails (meta/heartbeat.ts). */
export type VmbuildProgram =
  | { readonly vmbuild: 'linux_vmm'; readonly guest: EmbeddedGuest }
  | { readonly vmbuild: 'heartbeat' };

/** A Linux guest, whose kernel, initrd and device tree its VMM finds between the symbols of vmm/images.S. */
export interface EmbeddedGuest {
  /** Of its files, e.g. `linux.dtb`. */
  readonly name: string;
  readonly layout: GuestLayout;
  /** Its address at virtio sockets. */
  readonly cid: number;
  /** Its device tree has the virtio socket device. */
  readonly hasVsock: boolean;
  /** CIDs of the guests from which it receives and to which it sends. */
  readonly recvFrom?: number;
  readonly sendTo?: number;
  /** For the kernel's command line. */
  readonly append?: string;
  /** Paths, relative to the description; what is not given here is what --linux, --initrd and --guest say. */
  readonly linux?: string;
  readonly initrd?: string;
}

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
