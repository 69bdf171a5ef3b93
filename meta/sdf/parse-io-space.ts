// SPDX-License-Identifier: BSD-2-Clause
// <io_address_space>: what a device behind an x86 IOMMU sees.

import type { IoAddressSpace, IoMap } from '../model.ts';
import type { XmlElement } from '../xml.ts';
import { abbreviate, type SdfReader } from './reader.ts';
import type { Regions } from './regions.ts';

export function parseIoAddressSpace(
  reader: SdfReader,
  element: XmlElement,
  regions: Regions,
): IoAddressSpace[] {
  reader.allow(element, ['name', 'peripheral_id', 'domain_id']);
  reader.noText(element);
  const name = reader.required(element, 'name');
  const domainId = reader.number(element, 'domain_id');
  const peripheralId = reader.required(element, 'peripheral_id');
  const maps = element.children.flatMap((child) => {
    if (child.name === 'iomap') return parseIoMap(reader, child, regions);
    reader.say('SDF708', `invalid XML element '${child.name}'`, child, "use 'iomap'");
    return [];
  });
  if (name === undefined || peripheralId === undefined) return [];
  return [
    {
      name,
      peripheralId,
      ...(domainId === undefined ? {} : { domainId: Number(domainId) }),
      maps,
      place: reader.placeOf(element),
    },
  ];
}

function parseIoMap(reader: SdfReader, element: XmlElement, regions: Regions): IoMap[] {
  reader.allow(element, ['mr', 'iovaddr', 'perms']);
  reader.leaf(element);
  const mr = reader.required(element, 'mr');
  const iovaddr = reader.requiredNumber(element, 'iovaddr');
  const text = reader.optional(element, 'perms') ?? 'rw';
  if (!/^[rw]+$/.test(text))
    reader.error(
      'SDF760',
      "perms for io mapped memory must only be a combination of 'r' and 'w'",
      element,
      `use r, w or rw, not '${abbreviate(text)}'`,
    );
  if (mr === undefined || iovaddr === undefined) return [];
  const perms = text.includes('w') ? (text.includes('r') ? 'rw' : 'w') : 'r';
  return [{ mr: regions.find(mr), iovaddr, perms, place: reader.placeOf(element) }];
}
