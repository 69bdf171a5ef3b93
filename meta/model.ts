// SPDX-License-Identifier: BSD-2-Clause
// A Microkit system as plain readonly values, in the order in which it is written out. Builders make it (builder.ts),
// check/ judges it, sdf.ts renders it. The nouns and attributes are the System Description Format's.

import type { Place } from './diagnostic.ts';
import type { Bytes, Paddr } from './units.ts';

export type Architecture = 'aarch64' | 'riscv64' | 'x86_64';

/** `w` alone does not exist: Microkit refuses write-only mappings. */
export type Perms = 'r' | 'x' | 'rw' | 'rx' | 'wx' | 'rwx';

export type Trigger = 'edge' | 'level';

export interface MemoryRegion {
  readonly name: string;
  readonly size: Bytes;
  readonly paddr?: Paddr;
  readonly pageSize?: Bytes;
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
  readonly place?: Place;
}

export interface Irq {
  readonly irq: number;
  readonly id: number;
  /** Written only if given; Microkit's default is level. */
  readonly trigger?: Trigger;
  readonly setvarId?: string;
  readonly place?: Place;
}

export interface Setvar {
  readonly symbol: string;
  readonly regionPaddr: MemoryRegion;
}

export interface Vcpu {
  readonly id: number;
  readonly cpu?: number;
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
  /** Only children have one, unique in their parent. */
  readonly childId?: number;
  readonly maps: readonly Mapping[];
  readonly children: readonly ProtectionDomain[];
  readonly virtualMachine?: VirtualMachine;
  readonly irqs: readonly Irq[];
  readonly setvars: readonly Setvar[];
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
}

export interface Channel {
  readonly a: ChannelEnd;
  readonly b: ChannelEnd;
  readonly place?: Place;
}

export interface SystemDescription {
  readonly arch: Architecture;
  readonly memoryRegions: readonly MemoryRegion[];
  /** The root protection domains; children hang below them. */
  readonly protectionDomains: readonly ProtectionDomain[];
  readonly channels: readonly Channel[];
}

/** All protection domains, parents before their children. */
export const allPds = (pds: readonly ProtectionDomain[]): ProtectionDomain[] =>
  pds.flatMap((pd) => [pd, ...allPds(pd.children)]);
