// SPDX-License-Identifier: BSD-2-Clause
// What an image ought to hold, as a graph of the same form as what it does hold (capdl.ts): objects with attributes, and
// capabilities in their slots, each with its reason. Page tables are not spelt out: an address space says which pages it
// wants where, and the walk over the real tables (vspace.ts) compares.

import type { Attribute, CapKind, ObjectKind } from './capdl.ts';
import type { Because } from './because.ts';
import { sizes } from './microkit.ts';

/** In the place of a value that does not follow from what is known. */
export const anyValue = Symbol('any value');
export type ExpectedAttributes = Readonly<Record<string, Attribute | typeof anyValue>>;

export interface ExpectedCap {
  readonly kind: CapKind;
  readonly target: ExpectedObject;
  readonly attributes: ExpectedAttributes;
  readonly because: Because;
}

export interface ExpectedObject {
  readonly kind: ObjectKind;
  /** What the Microkit tool calls it. */
  readonly name: string;
  /** Whom it belongs to, for the summary: a protection domain, a virtual machine, `monitor`, or the system. */
  readonly owner: string;
  readonly attributes: ExpectedAttributes;
  readonly slots: Map<number, ExpectedCap>;
  readonly because: Because;
  /** Of a root page table. */
  readonly space?: ExpectedSpace;
  /** Of an interrupt: its number. */
  readonly irq?: bigint;
  /** Of a frame that is no part of an ExpectedMemory's array: none. */
  readonly memory?: ExpectedMemory;
}

/** Frames that belong together: a region, a stack, a segment of a program. */
export interface ExpectedMemory {
  readonly name: string;
  readonly owner: string;
  readonly sizeBytes: bigint;
  /** log2 of the sizes of page that it may consist of. */
  readonly pageBits: readonly number[];
  /** `contiguous`: the tool has chosen an address, which the first frame tells. */
  readonly paddr: bigint | 'contiguous' | undefined;
  readonly fill: ExpectedFill;
  /** The name of its i-th frame. */
  readonly frameName: (index: number) => string;
  readonly because: Because;
  /** Name of the region that it is. */
  readonly region?: string;
}

export type ExpectedFill =
  | { readonly kind: 'none' }
  /** Bytes of a segment, whose first one goes to `offset` of the first page. */
  | {
      readonly kind: 'elf';
      readonly elf: number;
      readonly segment: number;
      readonly offset: bigint;
      readonly sizeBytes: bigint;
    }
  /** Undefined bytes: there was no file to compare with. */
  | { readonly kind: 'file'; readonly bytes: Uint8Array | undefined }
  | { readonly kind: 'bootinfo'; readonly id: string };

/** A range of virtual addresses at which a memory is wanted, whole. */
export interface ExpectedRange {
  readonly start: bigint;
  readonly memory: ExpectedMemory;
  readonly rights: string;
  readonly cached: boolean;
  readonly executable: boolean;
  readonly because: Because;
}

export interface ExpectedSpace {
  /** `protection domain 'a'` */
  readonly holder: string;
  readonly owner: string;
  readonly ranges: ExpectedRange[];
  /** Number of the program whose pages may be anywhere else, if its file was not given. */
  readonly unknownProgram?: { readonly elf: number; readonly because: Because };
  readonly kind: 'vspace' | 'ept' | 'iospace';
}

export interface ExpectedImage {
  /** Everything but frames and the tables below a root. */
  readonly objects: readonly ExpectedObject[];
  readonly memories: readonly ExpectedMemory[];
  readonly monitor: ExpectedObject;
  /** Threads and devices by the name of who they are, for policies. */
  readonly threads: readonly ExpectedThread[];
}

export interface ExpectedThread {
  readonly kind: 'protection domain' | 'virtual machine' | 'monitor' | 'device';
  /** Of the protection domain, virtual machine or I/O address space. */
  readonly name: string;
  /** TCB, or the I/O address space of a device. */
  readonly object: ExpectedObject;
}

export const rightsOf = (read: boolean, write: boolean): string => `${read ? 'r' : ''}${write ? 'w' : ''}`;

export const smallPages: readonly number[] = [sizes.pageBits];
