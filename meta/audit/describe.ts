// SPDX-License-Identifier: BSD-2-Clause
// Words for what is found in an image: capabilities with their rights and badges, slots with what stands around them.

import { hex } from '../units.ts';
import type { Attribute, Cap, Capdl, CapdlObject } from './capdl.ts';
import { anyValue, type ExpectedAttributes, type ExpectedCap } from './expected.ts';

/** `Notification capability to 'ntfn_b' (badge 0x2, rights rw)` */
export const describeCap = (cap: Cap, { objects }: Pick<Capdl, 'objects'>): string =>
  `${cap.kind} capability to '${objects[cap.object]?.name}'${describeAttributes(cap.attributes)}`;

export const describeExpectedCap = ({ kind, target, attributes }: ExpectedCap): string =>
  `${kind} capability to '${target.name}'${describeAttributes(attributes)}`;

/** ` (badge 0x2, rights rw)` */
function describeAttributes(attributes: ExpectedAttributes): string {
  const words = Object.entries(attributes).flatMap(([name, value]) =>
    value === anyValue ? [] : [`${attributeWords[name] ?? name} ${formatValue(name, value)}`],
  );
  return words.length === 0 ? '' : ` (${words.join(', ')})`;
}

export function formatValue(name: string, value: Attribute | typeof anyValue): string {
  if (value === undefined) return 'none';
  if (typeof value !== 'bigint') return value === '' ? 'none' : String(value);
  return inHex.has(name) ? hex(value) : String(value);
}

const inHex: ReadonlySet<string> = new Set([
  'badge',
  'paddr',
  'ip',
  'sp',
  'ipcBuffer',
  'start',
  'end',
  'guard',
]);

/** As the System Description Format or seL4's manual calls it. */
export const attributeWords: Readonly<Record<string, string>> = {
  ept: 'EPT',
  fpuDisabled: 'FPU disabled',
  guardSize: 'guard size',
  ip: 'entry point',
  ipcBuffer: 'IPC buffer address',
  masterFaultEndpoint: 'master fault endpoint',
  maxPriority: 'maximal controlled priority',
  paddr: 'physical address',
  registers: 'initial registers',
  resume: 'started at boot',
  sizeBits: 'size as a power of two',
  sp: 'stack pointer',
  target: 'core',
};

/** `slot 12 of 'cnode_a'`, in a page table `slot 3 of 'pt_a' (address 0x20003000)`. */
export const describeSlot = (object: CapdlObject, slot: number, address?: bigint): string =>
  `slot ${slot} of '${object.name}'${address === undefined ? '' : ` (address ${hex(address)})`}`;
