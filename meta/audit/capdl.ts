// SPDX-License-Identifier: BSD-2-Clause
// A capDL specification as plain values: what the Microkit tool has put into an image. Objects are what the kernel will
// make, and capabilities stand in their slots: in CNodes (what a program can name), in page tables (what it can touch), in
// TCBs (what a thread is bound to) and in interrupts (whom they wake). Everything else about an object or a capability is
// an attribute: a plain value under a name, so that two can be compared without knowing what they are.

export type ObjectKind =
  | 'Untyped'
  | 'Endpoint'
  | 'Notification'
  | 'CNode'
  | 'Tcb'
  | 'Irq'
  | 'VCpu'
  | 'Frame'
  | 'PageTable'
  | 'AsidPool'
  | 'IOSpace'
  | 'IOPageTable'
  | 'ArmIrq'
  | 'IrqMsi'
  | 'IrqIOApic'
  | 'RiscvIrq'
  | 'IOPorts'
  | 'SchedContext'
  | 'Reply'
  | 'ArmSmc'
  | 'DomainSet';

/** A capability is called like its object, but for those to interrupts. */
export type CapKind =
  | Exclude<ObjectKind, 'Irq' | 'ArmIrq' | 'IrqMsi' | 'IrqIOApic' | 'RiscvIrq'>
  | 'IrqHandler'
  | 'ArmIrqHandler'
  | 'IrqMsiHandler'
  | 'IrqIOApicHandler'
  | 'RiscvIrqHandler';

/** Undefined is "none": a physical address that the kernel may choose, a domain that nobody set. */
export type Attribute = bigint | boolean | string | undefined;
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Cap {
  readonly kind: CapKind;
  /** Index into the objects. */
  readonly object: number;
  /** `badge`, `rights` (of `rwgp`: read, write, grant, grant reply), `guard`, `guardSize`, `cached`, `executable`. */
  readonly attributes: Attributes;
}

export interface Slot {
  readonly slot: number;
  readonly cap: Cap;
}

/** What the initialiser writes into a frame, half-open in the frame's bytes. */
export interface Fill {
  readonly start: bigint;
  readonly end: bigint;
  readonly content:
    | { readonly kind: 'elf'; readonly elf: number; readonly segment: number; readonly from: bigint }
    | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
    | { readonly kind: 'bootinfo'; readonly id: string; readonly offset: bigint };
}

export interface CapdlObject {
  /** Only for people: nothing in the kernel has it. */
  readonly name: string;
  readonly kind: ObjectKind;
  readonly attributes: Attributes;
  readonly slots: readonly Slot[];
  /** Frames only. */
  readonly fill: readonly Fill[];
}

export interface Capdl {
  readonly objects: readonly CapdlObject[];
  readonly irqs: readonly { readonly irq: bigint; readonly handler: number }[];
  /** Undefined without a domain schedule; a slice without a duration is the end marker. */
  readonly domainSchedule: readonly DomainSlice[] | undefined;
  readonly domainSetStart: bigint | undefined;
  readonly domainIndexShift: bigint | undefined;
}

export interface DomainSlice {
  readonly domain: number;
  readonly duration: bigint | undefined;
  readonly unit: 'us' | 'ticks' | undefined;
}

/** What kind of object a capability of this kind is to. */
export const objectKindOf = (kind: CapKind): ObjectKind => irqObjects.get(kind) ?? (kind as ObjectKind);

const irqObjects: ReadonlyMap<CapKind, ObjectKind> = new Map([
  ['IrqHandler', 'Irq'],
  ['ArmIrqHandler', 'ArmIrq'],
  ['IrqMsiHandler', 'IrqMsi'],
  ['IrqIOApicHandler', 'IrqIOApic'],
  ['RiscvIrqHandler', 'RiscvIrq'],
] as const);
