// SPDX-License-Identifier: BSD-2-Clause
// Rules of memory regions: names, sizes in whole pages, physical addresses that are aligned and do not overlap.

import { type Diagnostic, formatRange, formatSize } from '../diagnostic.ts';
import { errorFinding, warningFinding } from '../finding.ts';
import { regionLimits } from '../limits.ts';
import { allPds, type MemoryRegion, type SystemDescription } from '../model.ts';
import { alignUp, hex } from '../units.ts';
import { duplicates } from './duplicates.ts';
import { checkCharacters } from './names.ts';
import { overlappingPairs } from './ranges.ts';

export const checkRegions = (system: SystemDescription): Diagnostic[] => [
  ...checkNames(system.memoryRegions),
  ...system.memoryRegions.flatMap(checkPageSize),
  ...system.memoryRegions.flatMap(checkSize),
  ...checkPhysicalOverlap(system.memoryRegions),
  ...findUnused(system),
];

function checkNames(regions: readonly MemoryRegion[]): Diagnostic[] {
  const twice = duplicates(regions, ({ name }) => name).map(({ again }) =>
    errorFinding('SDF201', `duplicate memory region name '${again.name}'`, {
      hint: 'rename one of them',
      place: again.place,
    }),
  );
  const nameless = regions
    .filter(({ name }) => name === '')
    .map(({ size, place }) =>
      errorFinding('SDF202', `a memory region of ${formatSize(size)} has an empty name`, {
        hint: 'name it',
        place,
      }),
    );
  return [
    ...twice,
    ...nameless,
    ...regions.flatMap(({ name, place }) => checkCharacters('memory region', name, place)),
  ];
}

function checkPageSize({ name, pageSize, place }: MemoryRegion): Diagnostic[] {
  if (
    pageSize === undefined ||
    pageSize === regionLimits.pageBytes ||
    pageSize === regionLimits.largePageBytes
  )
    return [];
  return [
    errorFinding('SDF203', `page size ${hex(pageSize)} of memory region '${name}' is not supported`, {
      hint: `use ${hex(regionLimits.pageBytes)} or ${hex(regionLimits.largePageBytes)}`,
      place,
    }),
  ];
}

function checkSize({ name, size, paddr, pageSize, place }: MemoryRegion): Diagnostic[] {
  const page = pageSize === regionLimits.largePageBytes ? pageSize : regionLimits.pageBytes;
  const found: Diagnostic[] = [];
  if (size === 0n || size % page !== 0n)
    found.push(
      errorFinding(
        'SDF204',
        `size ${hex(size)} of memory region '${name}' is not a multiple of the page size ${hex(page)}`,
        {
          hint: `make it ${hex(size === 0n ? page : alignUp(size, page))}`,
          place,
        },
      ),
    );
  if (paddr !== undefined && paddr % page !== 0n)
    found.push(
      errorFinding(
        'SDF205',
        `phys_addr ${hex(paddr)} of memory region '${name}' is not aligned to the page size ${hex(page)}`,
        {
          hint: 'align it, or give a smaller page size',
          place,
        },
      ),
    );
  if (paddr !== undefined && paddr + size > regionLimits.physicalEnd)
    found.push(
      errorFinding(
        'SDF206',
        `memory region '${name}' ${formatRange(paddr, paddr + size)} ends above ${hex(regionLimits.physicalEnd)}, the end of physical memory`,
        {
          hint: 'lower its address or size',
          place,
        },
      ),
    );
  return found;
}

function checkPhysicalOverlap(regions: readonly MemoryRegion[]): Diagnostic[] {
  const physical = regions.flatMap(({ paddr, size, name, place }) =>
    paddr === undefined ? [] : [{ start: paddr, end: paddr + size, name, place }],
  );
  return overlappingPairs(physical).map(([a, b]) =>
    errorFinding(
      'SDF210',
      `memory region '${b.name}' physical address range ${formatRange(b.start, b.end)} overlaps with another memory region '${a.name}' ${formatRange(a.start, a.end)}`,
      { hint: `map the one region twice, or move '${b.name}' to ${hex(a.end)}`, place: b.place },
    ),
  );
}

function findUnused(system: SystemDescription): Diagnostic[] {
  const pds = allPds(system.protectionDomains);
  const used = new Set([
    ...pds.flatMap((pd) => [...pd.maps, ...(pd.virtualMachine?.maps ?? [])]).map(({ mr }) => mr.name),
    ...pds.flatMap(({ setvars }) => setvars).map(({ regionPaddr }) => regionPaddr.name),
  ]);
  return system.memoryRegions
    .filter(({ name }) => !used.has(name))
    .map(({ name, place }) =>
      warningFinding('SDF211', `unused memory region '${name}'`, { hint: 'map it or leave it out', place }),
    );
}
