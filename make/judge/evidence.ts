// SPDX-License-Identifier: BSD-2-Clause
// What the judge looks at: on one side what was built, opened again; on the other what the SDK, libvmm and sDDF say of the
// board. The board's own description is on neither side, except for what a boot loader or a person will be told.
import type { DeviceTree, DriverConfig, GuestGic, GuestMachine, NodeInTree } from '../../meta/index.ts';
import type { AddressRange } from '../store/sdk-board.ts';
import type { ElfFile } from './elf-file.ts';
import type { Probe } from './probe.ts';
import type { SystemFile, SystemPd } from './system-file.ts';

/** What whoever starts the image will do. */
export interface JudgedBoard {
  readonly name: string;
  /** What everything was compiled for. */
  readonly cpu: string;
  readonly loadAddress: bigint;
  readonly bootLine?: string;
  /** Memory that regions with an address of their own may have. */
  readonly paddrBottom: bigint;
  readonly paddrTop: bigint;
}

/** What the SDK's JSON files say of the machine. */
export interface SdkFacts {
  readonly memory: readonly AddressRange[];
  readonly devices: readonly AddressRange[];
  readonly hasGicV3: boolean;
  /** As `clang -mcpu` calls it; undefined if the kernel's configuration names none. */
  readonly cpu: string | undefined;
}

export interface JudgedVmm {
  readonly pd: SystemPd;
  readonly elf: ElfFile;
  /** The device tree in its .guest_dtb_image. */
  readonly tree: DeviceTree;
  readonly machine: GuestMachine;
  /** Of the guest's first CPU, without the maker: `cortex-a53`. */
  readonly cpu: string;
}

/** A driver of sDDF's, and what sDDF says of it and of its device on this board. */
export interface JudgedDriver {
  readonly pd: SystemPd;
  readonly elf: ElfFile;
  readonly config: DriverConfig;
  /** In the board's device tree as sDDF has it. */
  readonly device: NodeInTree;
}

export interface Evidence {
  readonly board: JudgedBoard;
  readonly sdk: SdkFacts;
  readonly probe: Probe;
  readonly systemPath: string;
  readonly system: SystemFile;
  readonly vmms: readonly JudgedVmm[];
  readonly drivers: readonly JudgedDriver[];
  /** The board's device tree as sDDF has it. */
  readonly reference: { readonly gic: GuestGic };
  readonly loader: { readonly file: string; readonly start: bigint; readonly bytes: Buffer };
  readonly image: { readonly file: string; readonly bytes: Buffer };
}
