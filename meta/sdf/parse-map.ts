// SPDX-License-Identifier: BSD-2-Clause
// <map> in protection domains and virtual machines.

import type { Mapping, Perms } from '../model.ts';
import type { XmlElement } from '../xml.ts';
import { abbreviate, type Mutable, type SdfReader } from './reader.ts';
import type { Regions } from './regions.ts';

const vmAttributes = ['mr', 'vaddr', 'perms', 'cached'];
const pdAttributes = [...vmAttributes, 'setvar_vaddr', 'setvar_size', 'setvar_prefill_size'];

export function parseMap(
  reader: SdfReader,
  element: XmlElement,
  regions: Regions,
  { inVm }: { readonly inVm: boolean },
): Mapping | undefined {
  reader.allow(element, inVm ? vmAttributes : pdAttributes);
  reader.leaf(element);
  const mr = reader.required(element, 'mr');
  const vaddr = reader.requiredNumber(element, 'vaddr');
  const perms = parsePerms(reader, element);
  const cached = reader.bool(element, 'cached');
  if (mr === undefined || vaddr === undefined) return undefined;
  // Assigned, not spread: a file may have a hundred thousand.
  const map: Mutable<Mapping> = { mr: regions.find(mr), vaddr, perms, place: reader.placeOf(element) };
  if (cached !== undefined) map.cached = cached;
  if (!inVm) addSetvars(reader, element, map);
  return map;
}

function addSetvars(reader: SdfReader, element: XmlElement, map: Mutable<Mapping>): void {
  const vaddr = reader.optional(element, 'setvar_vaddr');
  const size = reader.optional(element, 'setvar_size');
  const prefillSize = reader.optional(element, 'setvar_prefill_size');
  if (vaddr !== undefined) map.setvarVaddr = vaddr;
  if (size !== undefined) map.setvarSize = size;
  if (prefillSize !== undefined) map.setvarPrefillSize = prefillSize;
}

/** Letters in any order and number; the model has them in the order r, w, x. */
function parsePerms(reader: SdfReader, element: XmlElement): Perms {
  const text = reader.optional(element, 'perms');
  if (text === undefined) return 'rw';
  if (!/^[rwx]*$/.test(text))
    reader.error(
      'SDF302',
      "perms must only be a combination of 'r', 'w', and 'x'",
      element,
      `use r, rw, rx or rwx, not '${abbreviate(text)}'`,
    );
  else if (text === '')
    reader.error(
      'SDF307',
      'perms must not be empty; the Microkit tool accepts that silently',
      element,
      'use r, rw, rx or rwx',
    );
  else if (/^w+$/.test(text))
    reader.error('SDF308', "perms must not be 'w', write-only mappings are not allowed", element, "use 'rw'");
  else return perms(text);
  return 'rw';
}

const perms = (text: string): Perms => {
  if (text === 'r' || text === 'rw') return text;
  return (['r', 'w', 'x'] as const).filter((letter) => text.includes(letter)).join('') as Perms;
};
