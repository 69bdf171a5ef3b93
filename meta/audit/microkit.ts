// SPDX-License-Identifier: BSD-2-Clause
// Where Microkit 2.3 puts what: the slots of the capability spaces that it gives to programs and to its monitor, badges,
// sizes and defaults. Sources: Microkit 2.3.0, tool/microkit/src/capdl/builder.rs, sdf.rs, sel4.rs and
// libmicrokit/include/microkit.h; the slots of a TCB are those of sel4-capdl-initializer. Seen to be so in images for
// aarch64; what only riscv64 and x86_64 have follows the sources.

import type { Architecture } from '../model.ts';

/** Slots of a thread's TCB. */
export const tcbSlot = {
  cspace: 0,
  vspace: 1,
  ipcBuffer: 4,
  faultEndpoint: 5,
  schedContext: 6,
  notification: 8,
  vcpu: 9,
  /** The guest's memory on x86, where a virtual machine runs on its VMM's thread. */
  eptRoot: 10,
} as const;

/** Slots of the CNode that libmicrokit knows, in slot 0 of a protection domain's root CNode. */
export const pdSlot = {
  input: 1,
  faultEndpoint: 2,
  vspace: 3,
  reply: 4,
  /** Of a passive protection domain. */
  monitorEndpoint: 5,
  /** In the benchmark configuration. */
  tcb: 6,
  smc: 7,
  notifications: 10,
  endpoints: 10 + 64,
  irqs: 10 + 2 * 64,
  childTcbs: 10 + 3 * 64,
  vcpuTcbs: 10 + 4 * 64,
  vcpus: 10 + 5 * 64,
  ioPorts: 10 + 6 * 64,
} as const;

/** Slots of the monitor's CNode. */
export const monitorSlot = {
  faultEndpoint: 1,
  reply: 2,
  pdTcbs: 10,
  vcpuTcbs: 10 + 64,
  schedContexts: 10 + 2 * 64,
  notifications: 10 + 3 * 64,
} as const;

export const badge = {
  /** Of an endpoint that a child's or a guest's faults come through; the id is added. */
  fault: 1n << 62n,
  /** Of an endpoint that protected calls come through; the callee's id of the channel is added. */
  call: 1n << 63n,
  /** What the kernel's timeout faults of a scheduling context say; the index is added. */
  schedContext: 0x100n,
} as const;

export const sizes = {
  capAddressBits: 64n,
  cnodeBits: 9n,
  rootCnodeBits: 6n,
  schedContextBits: 8n,
  pageBits: 12,
  largePageBits: 21,
  pageBytes: 0x1000n,
  monitorStackBytes: 0x1000n,
} as const;

export const monitorPriority = 255n;

/** What a page table of each level translates, and where a protection domain's IPC buffer lies. */
export interface VspaceShape {
  /** The kernel's number of the root's level: it counts a level that this machine does not have. */
  readonly rootLevel: number;
  /** Index bits of each level, from the root down to the one that holds pages of 4 KiB. */
  readonly levelBits: readonly number[];
  /** Unknown where nobody has looked: then it is where the monitor has it. */
  readonly ipcBuffer?: bigint;
}

/** By the level of a root page table; undefined if this architecture has no such root. */
export function vspaceShape(arch: Architecture, rootLevel: number): VspaceShape | undefined {
  const four = { rootLevel: 0, levelBits: [9, 9, 9, 9] };
  if (arch === 'riscv64') return rootLevel === 0 ? { rootLevel: 0, levelBits: [9, 9, 9] } : undefined;
  if (arch === 'aarch64' && rootLevel === 1)
    // A hypervisor kernel with physical addresses of 40 bits: two tables as one.
    return { rootLevel: 1, levelBits: [10, 9, 9], ipcBuffer: 0xff_ffff_f000n };
  return rootLevel === 0 ? four : undefined;
}

/** A device's page tables below an x86 IOMMU: always these three, and three that the initialiser may put above them. */
export const ioSpace = { levelBits: [9, 9, 9], spareTables: 3 } as const;
