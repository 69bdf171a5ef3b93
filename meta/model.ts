// SPDX-License-Identifier: BSD-2-Clause
// A Microkit system as plain readonly values, in the order in which it is written out. Builders make it (builder.ts),
// check/ judges it, sdf.ts renders it. The nouns and attributes are the System Description Format's.

import type { Place } from './diagnostic.ts';
import type { Bytes, Paddr } from './units.ts';

export type Architecture = 'aarch64' | 'riscv64' | 'x86_64';

/** `w` alone does not exist: Microkit refuses write-only mappings. */
export type Perms = 'r' | 'x' | 'rw' | 'rx' | 'wx' | 'rwx';

export type Trigger = 'edge' | 'level';

/** What the bootloader or the kernel tells the system at boot; Microkit copies it into a region. Since 2.3. */
export const bootInfos = [
  'x86_vbe',
  'x86_mbmmap',
  'x86_acpi_rsdp',
  'x86_framebuffer',
  'x86_tsc_freq',
  'fdt',
] as const;
export type BootInfo = (typeof bootInfos)[number];

export interface MemoryRegion {
  readonly name: string;
  /** What it takes; where `isSizedByPrefill` this is not written out, but follows from what fills it. */
  readonly size: Bytes;
  readonly paddr?: Paddr;
  readonly pageSize?: Bytes;
  /** File with its first bytes, looked for in Microkit's search paths. Since 2.2. */
  readonly prefillPath?: string;
  readonly prefillBootinfo?: BootInfo;
  /** The description gives no size: it is the file's, in whole pages, or one page of boot information. */
  readonly isSizedByPrefill?: boolean;
  readonly place?: Place;
}

export interface Mapping {
  readonly mr: MemoryRegion;
  /** Virtual address in a protection domain, guest physical address in a virtual machine. */
  readonly vaddr: bigint;
  readonly perms: Perms;
  /** Written only if given; Microkit's default is true. */
  readonly cached?: boolean;
  readonly setvarVaddr?: string;
  readonly setvarSize?: string;
  /** Symbol that gets the size of the file that fills the region. */
  readonly setvarPrefillSize?: string;
  readonly place?: Place;
}

interface IrqEnd {
  /** From the set that channels share. */
  readonly id: number;
  /** Written only if given; Microkit's default is level. */
  readonly trigger?: Trigger;
  readonly setvarId?: string;
  readonly place?: Place;
}

/** An interrupt on Arm and RISC-V. */
export interface Irq extends IrqEnd {
  readonly irq: number;
}

/** An interrupt of an x86 I/O APIC. */
export interface IoapicIrq extends IrqEnd {
  readonly pin: number;
  readonly vector: number;
  /** Written only if given; Microkit's default is 0. */
  readonly ioapic?: number;
  /** Written only if given; Microkit's default is high. */
  readonly polarity?: 'low' | 'high';
}

/** A message signalled interrupt on x86. */
export interface MsiIrq extends Omit<IrqEnd, 'trigger'> {
  /** `bus:device.function`, hexadecimal. */
  readonly pcidev: string;
  readonly handle: number;
  readonly vector: number;
}

export type AnyIrq = Irq | IoapicIrq | MsiIrq;

/** Ports of x86, half-open `[addr..addr + size)`. */
export interface IoPort {
  /** From a set of its own. */
  readonly id: number;
  readonly addr: number;
  readonly size: number;
  readonly setvarId?: string;
  readonly setvarAddr?: string;
  readonly place?: Place;
}

export interface Setvar {
  readonly symbol: string;
  readonly regionPaddr: MemoryRegion;
  readonly place?: Place;
}

/** A capability that a protection domain gets in a slot of its own choice. Since 2.3. */
export interface CapMap {
  readonly kind: 'tcb' | 'sc' | 'vspace';
  readonly slot: number;
  /** Name of the protection domain whose object it is. */
  readonly pd: string;
  readonly place?: Place;
}

export interface Vcpu {
  readonly id: number;
  readonly cpu?: number;
  /** Microkit 2.1 to 2.3 accepts and ignores it. */
  readonly setvarId?: string;
  readonly place?: Place;
}

/** Scheduling attributes that protection domains and virtual machines share. Times in microseconds. */
export interface Scheduling {
  readonly priority?: number;
  readonly budget?: number;
  readonly period?: number;
}

export interface VirtualMachine extends Scheduling {
  readonly name: string;
  readonly vcpus: readonly Vcpu[];
  readonly maps: readonly Mapping[];
  readonly place?: Place;
}

export interface ProtectionDomain extends Scheduling {
  readonly name: string;
  readonly programImage: string;
  readonly passive?: boolean;
  readonly stackSize?: Bytes;
  readonly smc?: boolean;
  readonly cpu?: number;
  /** Written only if given; Microkit's default is true. Since 2.3. */
  readonly fpu?: boolean;
  /** Name of a scheduling domain; given if and only if the system has a domain schedule. Since 2.3. */
  readonly domain?: string;
  /** ELF with the symbols that setvars patch, if not the program itself. Since 2.2. */
  readonly pathForSymbols?: string;
  /** Only children have one, unique in their parent. */
  readonly childId?: number;
  /** Symbol of the parent's program that gets this child's id. Since 2.1. */
  readonly setvarId?: string;
  readonly maps: readonly Mapping[];
  readonly children: readonly ProtectionDomain[];
  readonly virtualMachine?: VirtualMachine;
  readonly irqs: readonly AnyIrq[];
  readonly setvars: readonly Setvar[];
  readonly ioPorts?: readonly IoPort[];
  readonly cspace?: readonly CapMap[];
  readonly place?: Place;
}

export interface ChannelEnd {
  /** Name of the protection domain. */
  readonly pd: string;
  readonly id: number;
  /** Written only if given; Microkit's default is true. */
  readonly notify?: boolean;
  readonly pp?: boolean;
  readonly setvarId?: string;
  readonly place?: Place;
}

export interface Channel {
  readonly a: ChannelEnd;
  readonly b: ChannelEnd;
  readonly place?: Place;
}

export interface IoMap {
  readonly mr: MemoryRegion;
  /** The address that the device uses. */
  readonly iovaddr: bigint;
  /** Unlike a program, a device may only write. */
  readonly perms: 'r' | 'w' | 'rw';
  readonly place?: Place;
}

/** What a device sees of the memory through an x86 IOMMU. Since 2.3. */
export interface IoAddressSpace {
  readonly name: string;
  /** `bus:device.function`, hexadecimal. */
  readonly peripheralId: string;
  /** Needed on x86, and unique. */
  readonly domainId?: number;
  readonly maps: readonly IoMap[];
  readonly place?: Place;
}

/** The kernel's domain schedule: one list of time slices, run round and round. Since 2.3. */
export interface DomainSchedule {
  readonly domains: readonly { readonly name: string; readonly id?: number; readonly place?: Place }[];
  readonly entries: readonly ScheduleEntry[];
  /** Default 0; and which of the kernel's entries is the first one, if not entry 0. */
  readonly startIndex?: bigint;
  readonly indexShift?: bigint;
  readonly place?: Place;
  readonly schedulePlace?: Place;
}

/** A slice for a domain, or where the schedule starts again. */
export type ScheduleEntry =
  | {
      readonly domain: string;
      readonly duration: bigint;
      readonly unit: 'us' | 'ticks';
      readonly place?: Place;
    }
  | { readonly end: true; readonly place?: Place };

export interface SystemDescription {
  readonly arch: Architecture;
  readonly memoryRegions: readonly MemoryRegion[];
  /** The root protection domains; children hang below them. */
  readonly protectionDomains: readonly ProtectionDomain[];
  readonly channels: readonly Channel[];
  readonly ioAddressSpaces?: readonly IoAddressSpace[];
  readonly domains?: DomainSchedule;
}

/** All protection domains, parents before their children. */
export const allPds = (pds: readonly ProtectionDomain[]): ProtectionDomain[] =>
  pds.flatMap((pd) => [pd, ...allPds(pd.children)]);
