// SPDX-License-Identifier: BSD-2-Clause
// <memory_region>: its size may follow from what it is filled with.

import { regionLimits } from '../limits.ts';
import { bootInfos, type MemoryRegion } from '../model.ts';
import { alignUp, bytes, hex, paddr } from '../units.ts';
import type { XmlElement } from '../xml.ts';
import type { Mutable, SdfReader } from './reader.ts';

/** The size of the file in bytes, or why there is none. */
export type PrefillFile = number | 'missing' | 'unreadable';

const attributes = ['name', 'size', 'page_size', 'phys_addr', 'prefill_path', 'prefill_bootinfo'];

export function parseRegion(
  reader: SdfReader,
  element: XmlElement,
  find: (path: string) => PrefillFile,
): MemoryRegion | undefined {
  reader.allow(element, attributes);
  reader.leaf(element);
  const name = reader.required(element, 'name');
  const pageSize = reader.number(element, 'page_size');
  const address = reader.number(element, 'phys_addr');
  const prefillPath = reader.optional(element, 'prefill_path');
  const prefillBytes = prefillPath === undefined ? undefined : measure(reader, element, prefillPath, find);
  const prefillBootinfo = reader.choice(
    element,
    'prefill_bootinfo',
    bootInfos,
    (text) => `BootInfoMap type: '${text}' is not supported`,
  );
  if (prefillPath !== undefined && reader.optional(element, 'prefill_bootinfo') !== undefined)
    reader.error(
      'SDF721',
      'prefill_path and prefill_bootinfo cannot be both specified',
      element,
      'leave one of them out',
    );
  // Odd page sizes are judged later; here they must not divide by zero.
  const page = pageSize === regionLimits.largePageBytes ? pageSize : regionLimits.pageBytes;
  const isSized = reader.optional(element, 'size') !== undefined;
  const isFilled = prefillPath !== undefined || reader.optional(element, 'prefill_bootinfo') !== undefined;
  if (!isSized && !isFilled)
    reader.error(
      'SDF722',
      'size must be specified if memory region is not prefilled',
      element,
      'add size="0x1000"',
    );
  const given = reader.number(element, 'size');
  if (given !== undefined && prefillBytes !== undefined && BigInt(prefillBytes) > given)
    reader.error(
      'SDF723',
      `size of prefill file exceeds memory region size: ${prefillBytes.toString(16)} > ${given.toString(16)}`,
      element,
      `make the region ${hex(alignUp(BigInt(prefillBytes), page))}, or leave its size out`,
    );
  if (name === undefined) return undefined;
  const size = given ?? (prefillBytes === undefined ? page : alignUp(BigInt(prefillBytes), page));
  const region: Mutable<MemoryRegion> = { name, size: bytes(size), place: reader.placeOf(element) };
  if (address !== undefined) region.paddr = paddr(address);
  if (pageSize !== undefined) region.pageSize = bytes(pageSize);
  if (prefillPath !== undefined) region.prefillPath = prefillPath;
  if (prefillBootinfo !== undefined) region.prefillBootinfo = prefillBootinfo;
  if (!isSized && isFilled) region.isSizedByPrefill = true;
  return region;
}

function measure(
  reader: SdfReader,
  element: XmlElement,
  path: string,
  find: (path: string) => PrefillFile,
): number | undefined {
  const file = find(path);
  if (file === 'missing')
    reader.error(
      'SDF724',
      `unable to find prefill file: '${path}'`,
      element,
      'name the folder that it lies in with --search-path',
    );
  else if (file === 'unreadable')
    reader.error(
      'SDF725',
      `failed to read file '${path}' at prefill_path`,
      element,
      'name a file that can be read',
    );
  else if (file === 0)
    reader.error('SDF726', `prefill file '${path}' is empty`, element, 'name another file');
  else return file;
  return undefined;
}
