// SPDX-License-Identifier: BSD-2-Clause
// One memory region must be cached for all who map it or for none: else one sees what the other has long overwritten.

import type { Diagnostic } from '../diagnostic.ts';
import { warningFinding } from '../finding.ts';
import { allPds, type Mapping, type MemoryRegion, type SystemDescription } from '../model.ts';

export function checkCachedMaps(system: SystemDescription): Diagnostic[] {
  const firstOf = new Map<MemoryRegion, { owner: string; isCached: boolean }>();
  const found: Diagnostic[] = [];
  const look = (owner: string, { mr, cached = true, place }: Mapping): void => {
    const first = firstOf.get(mr);
    if (first === undefined) firstOf.set(mr, { owner, isCached: cached });
    else if (first.isCached !== cached)
      found.push(
        warningFinding(
          'SDF306',
          `memory region '${mr.name}' is ${cached ? 'cached' : 'not cached'} for ${owner}, but ${cached ? 'not' : 'is'} for ${first.owner}: they do not see the same content`,
          { hint: 'give both maps the same cached', place },
        ),
      );
  };
  for (const pd of allPds(system.protectionDomains)) {
    for (const map of pd.maps) look(`protection domain '${pd.name}'`, map);
    const vm = pd.virtualMachine;
    for (const map of vm?.maps ?? []) look(`virtual machine '${vm?.name}'`, map);
  }
  return found;
}
