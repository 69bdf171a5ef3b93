// SPDX-License-Identifier: BSD-2-Clause
// Rules of what devices see through an IOMMU.

import { type Diagnostic, formatRange } from '../diagnostic.ts';
import { errorFinding, suggester } from '../finding.ts';
import { regionLimits } from '../limits.ts';
import type { Architecture, IoAddressSpace, IoMap, SystemDescription } from '../model.ts';
import { alignDown, hex } from '../units.ts';
import { duplicates } from './duplicates.ts';
import { pciFault, pciName } from './pci.ts';
import { overlappingPairs } from './ranges.ts';
import type { CheckTarget } from './target.ts';

export function checkIoAddressSpaces(system: SystemDescription, target: CheckTarget): Diagnostic[] {
  const spaces = system.ioAddressSpaces ?? [];
  if (!target.hasIommu)
    return spaces.map(({ name, place }) =>
      errorFinding(
        'SDF330',
        `io address space requires seL4 to be built with IOMMU support ('${name}', on ${target.arch})`,
        { hint: 'take it out; Microkit has an IOMMU on x86_64 only', place },
      ),
    );
  return [
    ...spaces.flatMap((space) => checkSpace(space, target.arch)),
    ...checkTwice(spaces),
    ...spaces.flatMap((space) => checkMaps(space, system)),
  ];
}

const architectureNames: Readonly<Record<Architecture, string>> = {
  aarch64: 'AArch64',
  riscv64: 'RISC-V (64-bit)',
  x86_64: 'x86-64',
};

function checkSpace(
  { name, peripheralId, domainId, place }: IoAddressSpace,
  arch: Architecture,
): Diagnostic[] {
  const fault =
    arch === 'x86_64'
      ? pciFault(peripheralId)
      : `IOMMU device identifiers are not supported on ${architectureNames[arch]}`;
  return [
    ...(arch === 'x86_64' && domainId === undefined
      ? [
          errorFinding(
            'SDF332',
            `Missing required attribute 'domain_id' on element 'io_address_space' ('${name}')`,
            {
              hint: 'give each its own',
              place,
            },
          ),
        ]
      : []),
    ...(fault === undefined
      ? []
      : [
          errorFinding(
            'SDF331',
            `failed to parse device peripheral_id '${peripheralId}': ${fault} on element 'io_address_space' ('${name}')`,
            { hint: 'write bus:device.function in hexadecimal, as 0:1f.2', place },
          ),
        ]),
  ];
}

function checkTwice(spaces: readonly IoAddressSpace[]): Diagnostic[] {
  const numbered = spaces.filter(({ domainId }) => domainId !== undefined);
  const addressed = spaces.flatMap((space) => {
    const pci = pciName(space.peripheralId);
    return pci === undefined ? [] : [{ pci, space }];
  });
  return [
    ...duplicates(spaces, ({ name }) => name).map(({ again }) =>
      errorFinding('SDF333', `duplicate device name '${again.name}' on element 'io_address_space'`, {
        hint: 'rename one of them',
        place: again.place,
      }),
    ),
    ...duplicates(numbered, ({ domainId }) => domainId ?? 0).map(({ first, again }) =>
      errorFinding(
        'SDF334',
        `reusing a domain id is forbidden on element 'io_address_space' ('${again.name}' has ${again.domainId} of '${first.name}')`,
        { hint: 'give each its own', place: again.place },
      ),
    ),
    ...duplicates(addressed, ({ pci }) => pci).map(({ first, again }) =>
      errorFinding(
        'SDF335',
        `duplicate device peripheral_id 'PCI device ${again.pci}' on element 'io_address_space' ('${again.space.name}', after '${first.space.name}')`,
        { hint: 'describe each device once', place: again.space.place },
      ),
    ),
  ];
}

function checkMaps(space: IoAddressSpace, { memoryRegions }: SystemDescription): Diagnostic[] {
  const known = new Set(memoryRegions);
  const suggest = suggester(memoryRegions.map(({ name }) => name));
  const owner = `PCI device ${pciName(space.peripheralId) ?? space.peripheralId}`;
  const ranges = space.maps.map((map) => ({ start: map.iovaddr, end: map.iovaddr + map.mr.size, map }));
  return [
    ...space.maps
      .filter(({ mr }) => !known.has(mr))
      .map(({ mr, place }) =>
        errorFinding('SDF301', `invalid memory region name '${mr.name}' on 'iomap' (of '${space.name}')`, {
          hint: `add the region to the system; ${suggest(mr.name)}`,
          place,
        }),
      ),
    ...space.maps.flatMap((map) => checkMap(map, space.name)),
    ...overlappingPairs(ranges).map(([a, b]) =>
      errorFinding(
        'SDF340',
        `map for '${b.map.mr.name}' has io address range ${formatRange(b.start, b.end)} which overlaps with map for '${a.map.mr.name}' ${formatRange(a.start, a.end)} in ${owner}`,
        { hint: `move it to ${hex(a.end)}`, place: b.map.place },
      ),
    ),
  ];
}

function checkMap({ mr, iovaddr, place }: IoMap, owner: string): Diagnostic[] {
  const end = regionLimits.ioAddressEnd;
  const found: Diagnostic[] = [];
  const wrong = (code: string, message: string, hint: string): void => {
    found.push(errorFinding(code, message, { hint, place }));
  };
  if (mr.pageSize === regionLimits.largePageBytes)
    wrong(
      'SDF336',
      `currently seL4 does not have large page support for the IOMMU ('${mr.name}' for '${owner}')`,
      'leave its page_size out',
    );
  if (iovaddr % regionLimits.pageBytes !== 0n)
    wrong(
      'SDF337',
      `invalid iovaddr alignment on 'iomap' (${hex(iovaddr)} of '${mr.name}' for '${owner}')`,
      `use ${hex(alignDown(iovaddr, regionLimits.pageBytes))}`,
    );
  if (iovaddr >= end)
    wrong(
      'SDF338',
      `iovaddr (${hex(iovaddr)}) must be less than ${hex(end)} on element 'iomap' ('${mr.name}' for '${owner}')`,
      'lower its address',
    );
  else if (iovaddr + mr.size >= 1n << 64n)
    wrong(
      'SDF309',
      `iomap for '${mr.name}' has address range that overflows (for '${owner}')`,
      'make the region smaller',
    );
  else if (iovaddr + mr.size > end)
    wrong(
      'SDF339',
      `iomap for '${mr.name}' has io address range ${formatRange(iovaddr, iovaddr + mr.size)} which exceeds valid address space ${formatRange(0n, end)} (for '${owner}')`,
      'lower its address',
    );
  return found;
}
