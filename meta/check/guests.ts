// SPDX-License-Identifier: BSD-2-Clause
// Whether a virtual machine can run at all: memory that its guest can write and execute, and that its monitor can fill.

import type { Diagnostic } from '../diagnostic.ts';
import { warningFinding } from '../finding.ts';
import { allPds, type ProtectionDomain, type SystemDescription } from '../model.ts';

export const checkGuests = (system: SystemDescription): Diagnostic[] =>
  allPds(system.protectionDomains).flatMap(checkGuest);

function checkGuest(pd: ProtectionDomain): Diagnostic[] {
  const vm = pd.virtualMachine;
  if (vm === undefined) return [];
  const memory = vm.maps.filter(({ perms }) => perms.includes('w') && perms.includes('x'));
  if (memory.length === 0)
    return [
      warningFinding(
        'SDF611',
        `virtual machine '${vm.name}' has no memory that its guest may write and execute (${vm.maps.length} maps)`,
        { hint: 'map a region with perms="rwx"', place: vm.place ?? pd.place },
      ),
    ];
  const own = new Set(pd.maps.filter(({ perms }) => perms.includes('w')).map(({ mr }) => mr));
  return memory
    .filter(({ mr }) => !own.has(mr))
    .map(({ mr, place }) =>
      warningFinding(
        'SDF614',
        `guest memory '${mr.name}' of '${vm.name}' is not mapped for writing into its monitor '${pd.name}', which then cannot put a kernel there`,
        { hint: `map '${mr.name}' into '${pd.name}' too`, place: place ?? vm.place },
      ),
    );
}
