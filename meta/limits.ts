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

/** Memory regions and maps: Microkit 2.3.0, tool/microkit/src/sdf.rs and sel4.rs. */
export const regionLimits = {
  pageBytes: 0x1000n,
  largePageBytes: 0x20_0000n,
  /** AArch64 with a 40-bit physical address space. */
  physicalEnd: 0x100_0000_0000n,
  /** CAPDL_MAX_IOVA + 1 of the tool's x86 IOMMU. */
  ioAddressEnd: 0x80_0000_0000n,
} as const;

/** Protection domains and virtual machines: Microkit 2.3.0, tool/microkit/src/sdf.rs. */
export const pdLimits = {
  /** PD_MAX_ID 61: channels, IRQs, children and vCPUs have ids 0..61. */
  ids: 62,
  /** MAX_PDS; the monitor is the 64th. */
  pds: 63,
  /** PD_MAX_PRIORITY; 255 is the monitor's. */
  maxPriority: 254,
  /** The monitor keeps 63 bytes of a name and a NUL. */
  nameBytes: 63,
  defaultBudgetUs: 1000,
  defaultStackBytes: 0x2000n,
  minStackBytes: 0x1000n,
  maxStackBytes: 0x100_0000n,
  /** `cpu` is an 8-bit number in the tool. */
  cpus: 256,
  /** X86_IRQ_VECTOR_MAX is 107. */
  x86Vectors: 108,
  /** CAP_MAP_MAX_SLOT: slots of a cspace; slot 0 is Microkit's. */
  cspaceSlots: 128,
  /** What the tool of 2.3.0 really makes (capdl/builder.rs: a CNode of 6 bits), whatever CAP_MAP_MAX_SLOT says. */
  madeCspaceSlots: 64,
  /** The GIC's interrupts; 1020..1023 are special. */
  gicIrqs: 1020,
  /** RISC-V PLIC specification: sources 1 to 1023. */
  plicIrqs: 1024,
} as const;

/** System descriptions that are read. */
export const xmlLimits = {
  /** Ours: the largest that anyone measured has 10 MB. */
  bytes: 0x800_0000,
  /** 63 nested protection domains and what is in the innermost stay below. */
  depth: 256,
  /** An element of Microkit's has at most 11. Bounds the search for one that is given twice. */
  attributes: 64,
  /** Ours: who has more of them to mend wants to mend these first. */
  findings: 1000,
  /** Beyond, a column is counted in UTF-16 units: a line of megabytes must not cost its square. */
  columnSearch: 0x1000,
} as const;

/** Device tree blobs that are read. */
export const fdtLimits = {
  /** arm64 booting.rst: at most 2 MiB. */
  bytes: 0x20_0000,
  /** Real trees are below 10 deep; Linux' own limit (FDT_MAX_DEPTH in drivers/of/fdt.c) is 64. */
  depth: 64,
  /** The specification says 31; vendors write longer ones. */
  nameBytes: 255,
  /** Entries of `reg`, `ranges` and `interrupts`; real trees stay below 60. Bounds the quadratic translation. */
  entries: 256,
} as const;

/** Our heartbeat. C twin: vmm/heartbeat_config.h; a test compares them. */
export const heartbeatLimits = {
  /** As many as a protection domain has ids, so that these run out first. Twin: HEARTBEAT_MAX_LISTENERS. */
  listeners: pdLimits.ids,
} as const;

/** The virtio socket device. C twins: vmm/vsock_config.h and vmm/vsock/limits.h; a test compares them. */
export const vsockLimits = {
  /** Ours: 16 VMMs, all connected, take 15 of the 62 channel ids of each. Twin: VSOCK_MAX_PEERS. */
  maxPeers: 15,
  /** virtio 1.3, 5.10.4: 0, 1 and 2^32 - 1 are reserved, 2 is the host. */
  minCid: 3,
  maxCid: 0xffff_fffe,
  /** A region is a page of indices and a power of two of data. Twins: VSOCK_RING_HEADER_SIZE, VSOCK_RING_DATA_SIZE_MIN. */
  ringHeaderBytes: 0x1000n,
  minRingDataBytes: 0x1000n,
  /** Ours: far above what helps, and 30 of them still fit below guest RAM at 0x40000000. At most VSOCK_RING_DATA_SIZE_MAX. */
  maxRingDataBytes: 0x100_0000n,
  /** Ours, measured (bench/README.md): the least in which a whole packet of 64 KiB has room, and more gains nothing. */
  defaultRingBytes: 0x2_1000n,
} as const;
