// SPDX-License-Identifier: BSD-2-Clause
// Rules of maps: known regions, permissions, alignment, limits of the address space, no overlaps in one space.

import { type Diagnostic, formatRange } from '../diagnostic.ts';
import { didYouMean, errorFinding } from '../finding.ts';
import { guestLimits, pdLimits, regionLimits } from '../limits.ts';
import { allPds, type Mapping, type ProtectionDomain, type SystemDescription } from '../model.ts';
import { alignDown, hex } from '../units.ts';
import { overlappingPairs } from './ranges.ts';

export function checkMaps(system: SystemDescription): Diagnostic[] {
  const known = new Set(system.memoryRegions);
  const names = system.memoryRegions.map(({ name }) => name);
  return allPds(system.protectionDomains)
    .flatMap(spacesOf)
    .flatMap((space) => [
      ...space.maps
        .filter(({ mr }) => !known.has(mr))
        .map((map) =>
          errorFinding('SDF301', `invalid memory region name '${map.mr.name}' on 'map' in ${space.owner}`, {
            hint: `add the region to the system; ${didYouMean(map.mr.name, names)}`,
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

function spacesOf(pd: ProtectionDomain): Space[] {
  const stack = pd.stackSize ?? pdLimits.defaultStackBytes;
  const own = { owner: `protection domain '${pd.name}'`, maps: pd.maps, end: regionLimits.stackTop - stack };
  const vm = pd.virtualMachine;
  if (vm === undefined) return [own];
  return [own, { owner: `virtual machine '${vm.name}'`, maps: vm.maps, end: guestLimits.gpaEnd }];
}

const validPerms: readonly string[] = ['r', 'x', 'rw', 'rx', 'wx', 'rwx'];

function checkMap({ mr, vaddr, perms, place }: Mapping, { owner, end }: Space): Diagnostic[] {
  const page = mr.pageSize ?? regionLimits.pageBytes;
  const found: Diagnostic[] = [];
  if (!validPerms.includes(perms))
    found.push(
      errorFinding(
        'SDF302',
        `perms '${perms}' of the map of '${mr.name}' in ${owner} are none of ${validPerms.join(', ')}`,
        {
          hint: 'write them in the order r, w, x; Microkit refuses write-only maps',
          place,
        },
      ),
    );
  if (vaddr % page !== 0n)
    found.push(
      errorFinding(
        'SDF303',
        `invalid vaddr alignment on 'map': ${hex(vaddr)} of '${mr.name}' in ${owner} is not a multiple of ${hex(page)}`,
        {
          hint: `use ${hex(alignDown(vaddr, page))} or leave the address out`,
          place,
        },
      ),
    );
  if (vaddr + mr.size > end)
    found.push(
      errorFinding(
        'SDF304',
        `map for '${mr.name}' has virtual address range ${formatRange(vaddr, vaddr + mr.size)} which exceeds valid address space ${formatRange(0n, end)} in ${owner}`,
        { hint: 'lower its address', place },
      ),
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
