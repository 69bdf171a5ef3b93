// SPDX-License-Identifier: BSD-2-Clause
// Rules of maps: known regions, permissions, alignment, limits of the address space, no overlaps in one space.

import { type Diagnostic, formatRange } from '../diagnostic.ts';
import { errorFinding, suggester } from '../finding.ts';
import { pdLimits, regionLimits } from '../limits.ts';
import { allPds, type Mapping, type ProtectionDomain, type SystemDescription } from '../model.ts';
import { alignDown, hex } from '../units.ts';
import { overlappingPairs } from './ranges.ts';
import { type CheckTarget, stackTopOf } from './target.ts';

export function checkMaps(system: SystemDescription, target: CheckTarget): Diagnostic[] {
  const known = new Set(system.memoryRegions);
  const suggest = suggester(system.memoryRegions.map(({ name }) => name));
  return allPds(system.protectionDomains)
    .flatMap((pd) => spacesOf(pd, target))
    .flatMap((space) => [
      ...space.maps
        .filter(({ mr }) => !known.has(mr))
        .map((map) =>
          errorFinding('SDF301', `invalid memory region name '${map.mr.name}' on 'map' (in ${space.owner})`, {
            hint: `add the region to the system; ${suggest(map.mr.name)}`,
            place: map.place,
          }),
        ),
      ...space.maps.flatMap((map) => checkMap(map, space)),
      ...checkOverlaps(space),
    ]);
}

interface Space {
  readonly owner: string;
  readonly maps: readonly Mapping[];
  /** Exclusive. */
  readonly end: bigint;
}

function spacesOf(pd: ProtectionDomain, target: CheckTarget): Space[] {
  const stack = pd.stackSize ?? pdLimits.defaultStackBytes;
  const end = stackTopOf(target) - stack;
  const own = { owner: `protection domain '${pd.name}'`, maps: pd.maps, end };
  const vm = pd.virtualMachine;
  if (vm === undefined) return [own];
  return [own, { owner: `virtual machine '${vm.name}'`, maps: vm.maps, end: target.userTop + 1n }];
}

const validPerms: readonly string[] = ['r', 'x', 'rw', 'rx', 'wx', 'rwx'];

function checkMap({ mr, vaddr, perms, place }: Mapping, { owner, end }: Space): Diagnostic[] {
  const page = mr.pageSize === regionLimits.largePageBytes ? mr.pageSize : regionLimits.pageBytes;
  const found: Diagnostic[] = [];
  const wrong = (code: string, message: string, hint: string): void => {
    found.push(errorFinding(code, message, { hint, place }));
  };
  if ((perms as string) === 'w')
    wrong(
      'SDF308',
      `perms must not be 'w', write-only mappings are not allowed on element 'map' ('${mr.name}' in ${owner})`,
      "use 'rw'",
    );
  else if (!validPerms.includes(perms))
    wrong(
      'SDF302',
      `perms must only be a combination of 'r', 'w', and 'x' on element 'map' ('${perms}' of '${mr.name}' in ${owner})`,
      `use one of ${validPerms.join(', ')}`,
    );
  if (vaddr % page !== 0n)
    wrong(
      'SDF303',
      `invalid vaddr alignment on 'map' (${hex(vaddr)} of '${mr.name}' in ${owner} is not a multiple of ${hex(page)})`,
      `use ${hex(alignDown(vaddr, page))} or leave the address out`,
    );
  if (vaddr >= end)
    wrong(
      'SDF305',
      `vaddr (${hex(vaddr)}) must be less than ${hex(end)} on element 'map' ('${mr.name}' in ${owner})`,
      'lower its address',
    );
  else if (vaddr + mr.size >= 1n << 64n)
    wrong(
      'SDF309',
      `map for '${mr.name}' has address range that overflows (${hex(vaddr)} + ${hex(mr.size)} in ${owner})`,
      'make the region smaller',
    );
  else if (vaddr + mr.size > end)
    wrong(
      'SDF304',
      `map for '${mr.name}' has virtual address range ${formatRange(vaddr, vaddr + mr.size)} which exceeds valid address space ${formatRange(0n, end)} (in ${owner})`,
      'lower its address',
    );
  return found;
}

const checkOverlaps = ({ owner, maps }: Space): Diagnostic[] =>
  overlappingPairs(maps.map((map) => ({ start: map.vaddr, end: map.vaddr + map.mr.size, map }))).map(
    ([a, b]) =>
      errorFinding(
        'SDF310',
        `map for '${b.map.mr.name}' has virtual address range ${formatRange(b.start, b.end)} which overlaps with map for '${a.map.mr.name}' ${formatRange(a.start, a.end)} in ${owner}`,
        { hint: `move '${b.map.mr.name}' to ${hex(a.end)} or leave its address out`, place: b.map.place },
      ),
  );
