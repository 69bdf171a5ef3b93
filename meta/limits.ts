// SPDX-License-Identifier: BSD-2-Clause
// Every limit of the description library, each with its source. Those that C code needs too have a twin there, and a
// test compares the two.

/** Guests on arm64. */
export const guestLimits = {
  /** Linux Documentation/arch/arm64/booting.rst: the Image goes to text_offset from a 2 MiB aligned base. */
  ramAlignBytes: 0x20_0000n,
  /** The same document: the device tree blob is 8-byte aligned and at most 2 MiB. */
  dtbAlignBytes: 8n,
  dtbBytes: 0x20_0000n,
  pageBytes: 0x1000n,
  /** Microkit 2.3.0: guest maps end at user_top + 1 of 40-bit physical addresses. */
  gpaEnd: 0x100_0000_0000n,
  /** virtio 1.3, 4.2.2: registers to 0x100, then the device's config space; Linux' and libvmm's windows are 0x200. */
  virtioMmioBytes: 0x200n,
  /** GIC architecture: 1020 interrupts, of which the first 32 are SGIs and PPIs. */
  spis: 988,
} as const;
