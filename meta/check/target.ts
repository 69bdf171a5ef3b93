// SPDX-License-Identifier: BSD-2-Clause
// What a description is judged for: the facts of a kernel and of a Microkit version that rules depend on. An SDK gives
// them (make/store/sdk-board.ts), else they follow from the architecture, as Microkit's own boards have them.

import type { Architecture } from '../model.ts';

export interface CheckTarget {
  readonly arch: Architecture;
  /** Microkit's version, `2.3.0`. */
  readonly microkit: string;
  readonly isHypervisor: boolean;
  readonly hasIommu: boolean;
  /** Undefined: not known, so only what no kernel has is refused. */
  readonly cores: number | undefined;
  /** Whether the kernel forwards SMC calls; undefined if not known. */
  readonly forwardsSmc: boolean | undefined;
  readonly domains: number;
  readonly domainSchedules: number;
  /** The highest virtual address of user space, inclusive: `vspace_user_top` of the SDK's address_space_constants.json. */
  readonly userTop: bigint;
  /** Half-open ranges of the board's physical memory; undefined if no board is known. */
  readonly memory?: readonly PhysicalRange[] | undefined;
  /** Where its devices may lie; the kernel has what is in neither. */
  readonly devices?: readonly PhysicalRange[] | undefined;
  /** The board's RAM, of which an SDK counts what its kernel does not manage among the devices. */
  readonly ram?: readonly PhysicalRange[] | undefined;
  /** What the board is called in messages. */
  readonly board?: string | undefined;
}

export interface PhysicalRange {
  readonly start: bigint;
  readonly end: bigint;
}

export const newestMicrokit = '2.3.0';

/** Microkit's kernels have 16 domains and 100 schedule entries if they are not configured otherwise. */
const common = { microkit: newestMicrokit, cores: undefined, domains: 16, domainSchedules: 100 } as const;

const byArchitecture: Readonly<Record<Architecture, CheckTarget>> = {
  // 40 bits of guest physical addresses, of which user space has all.
  aarch64: {
    ...common,
    arch: 'aarch64',
    isHypervisor: true,
    hasIommu: false,
    forwardsSmc: undefined,
    userTop: 0xff_ffff_ffffn,
  },
  // Sv39: seL4_UserTop of libsel4's riscv64 constants.
  riscv64: {
    ...common,
    arch: 'riscv64',
    isHypervisor: false,
    hasIommu: false,
    forwardsSmc: false,
    userTop: 0x3f_ffff_efffn,
  },
  x86_64: {
    ...common,
    arch: 'x86_64',
    isHypervisor: true,
    hasIommu: true,
    forwardsSmc: false,
    userTop: 0x7fff_ffff_efffn,
  },
};

export const targetOf = (arch: Architecture): CheckTarget => byArchitecture[arch];

/** The IPC buffer has the top page of user space, a guard page lies below it: where the stack starts, downwards. */
export const stackTopOf = ({ userTop }: CheckTarget): bigint => (userTop & ~0xfffn) - 0x1000n;
