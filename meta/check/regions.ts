// SPDX-License-Identifier: BSD-2-Clause
// Rules of memory regions: names, sizes in whole pages, physical addresses that are aligned and do not overlap.

import { type Diagnostic, formatRange, formatSize } from '../diagnostic.ts';
import { errorFinding, noFindings, warningFinding } from '../finding.ts';
import { regionLimits } from '../limits.ts';
import { allPds, type Architecture, type MemoryRegion, type SystemDescription } from '../model.ts';
import { alignUp, hex } from '../units.ts';
import { duplicates } from './duplicates.ts';
import { checkCharacters } from './names.ts';
import { overlappingPairs } from './ranges.ts';

export const checkRegions = (system: SystemDescription): Diagnostic[] => [
  ...checkNames(system.memoryRegions),
  ...system.memoryRegions.flatMap(checkPageSize),
  ...system.memoryRegions.flatMap((region) => checkSize(region, system.arch)),
  ...checkPhysicalOverlap(system.memoryRegions),
  ...checkUse(system),
];

function checkNames(regions: readonly MemoryRegion[]): Diagnostic[] {
  const twice = duplicates(regions, ({ name }) => name).map(({ again }) =>
    errorFinding('SDF201', `duplicate memory region name '${again.name}'.`, {
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

function checkPageSize({ name, pageSize, place }: MemoryRegion): readonly Diagnostic[] {
  if (
    pageSize === undefined ||
    pageSize === regionLimits.pageBytes ||
    pageSize === regionLimits.largePageBytes
  )
    return noFindings;
  return [
    errorFinding(
      'SDF203',
      `page size ${hex(pageSize)} not supported on element 'memory_region' ('${name}')`,
      {
        hint: `use ${hex(regionLimits.pageBytes)} or ${hex(regionLimits.largePageBytes)}`,
        place,
      },
    ),
  ];
}

function checkSize(region: MemoryRegion, arch: Architecture): Diagnostic[] {
  const { name, size, paddr, pageSize, place } = region;
  const page = pageSize === regionLimits.largePageBytes ? pageSize : regionLimits.pageBytes;
  const found: Diagnostic[] = [];
  if (size % page !== 0n)
    found.push(
      errorFinding(
        'SDF204',
        `size is not a multiple of the page size on element 'memory_region' ('${name}': ${hex(size)}, pages of ${hex(page)})`,
        { hint: `make it ${hex(alignUp(size, page))}`, place },
      ),
    );
  if (paddr === undefined) return found;
  if (paddr % page !== 0n)
    found.push(
      errorFinding(
        'SDF205',
        `phys_addr is not aligned to the page size on element 'memory_region' ('${name}': ${hex(paddr)}, pages of ${hex(page)})`,
        { hint: 'align it, or give a smaller page size', place },
      ),
    );
  const end = arch === 'aarch64' ? regionLimits.physicalEnd : 1n << 64n;
  if (paddr + size > end)
    found.push(
      errorFinding(
        'SDF206',
        `memory region '${name}' ${formatRange(paddr, paddr + size)} ends above ${hex(end)}, the end of physical memory`,
        { hint: 'lower its address or size', place },
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

/** A region that nobody maps is a slip; one of no bytes makes the tool panic as soon as somebody does. */
function checkUse(system: SystemDescription): Diagnostic[] {
  const pds = allPds(system.protectionDomains);
  const mapped = new Set<string>();
  for (const pd of pds) {
    for (const { mr } of pd.maps) mapped.add(mr.name);
    for (const { mr } of pd.virtualMachine?.maps ?? []) mapped.add(mr.name);
  }
  for (const { maps } of system.ioAddressSpaces ?? []) for (const { mr } of maps) mapped.add(mr.name);
  const used = new Set([
    ...mapped,
    ...pds.flatMap(({ setvars }) => setvars).map(({ regionPaddr }) => regionPaddr.name),
  ]);
  const empty = system.memoryRegions.filter(({ name, size }) => size === 0n && mapped.has(name));
  const unused = system.memoryRegions.filter(({ name }) => !used.has(name));
  return [
    ...empty.map(({ name, place }) =>
      errorFinding(
        'SDF207',
        `memory region '${name}' has 0 bytes and is mapped, at which the Microkit tool panics`,
        {
          hint: `make it ${hex(regionLimits.pageBytes)}`,
          place,
        },
      ),
    ),
    ...unused.map(({ name, place }) =>
      warningFinding('SDF211', `unused memory region '${name}'`, { hint: 'map it or leave it out', place }),
    ),
  ];
}
