// SPDX-License-Identifier: BSD-2-Clause
// <map> in protection domains and virtual machines.

import type { Mapping, Perms } from '../model.ts';
import type { XmlElement } from '../xml.ts';
import { abbreviate, type SdfReader } from './reader.ts';
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
  const setvarVaddr = reader.optional(element, 'setvar_vaddr');
  const setvarSize = reader.optional(element, 'setvar_size');
  const setvarPrefillSize = reader.optional(element, 'setvar_prefill_size');
  return {
    mr: regions.find(mr),
    vaddr,
    perms,
    ...(cached === undefined ? {} : { cached }),
    ...(setvarVaddr === undefined || inVm ? {} : { setvarVaddr }),
    ...(setvarSize === undefined || inVm ? {} : { setvarSize }),
    ...(setvarPrefillSize === undefined || inVm ? {} : { setvarPrefillSize }),
    place: reader.placeOf(element),
  };
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

const perms = (text: string): Perms =>
  (['r', 'w', 'x'] as const).filter((letter) => text.includes(letter)).join('') as Perms;
