// SPDX-License-Identifier: BSD-2-Clause
// Rules of the capabilities that a description puts into a protection domain's cspace.

import type { Diagnostic } from '../diagnostic.ts';
import { errorFinding, suggester } from '../finding.ts';
import { pdLimits } from '../limits.ts';
import { allPds, type CapMap, type ProtectionDomain, type SystemDescription } from '../model.ts';

export function checkCspaces(system: SystemDescription): Diagnostic[] {
  const pds = allPds(system.protectionDomains);
  const names = new Set(pds.map(({ name }) => name));
  const suggest = suggester([...names]);
  return pds.flatMap((pd) => [
    ...(pd.cspace ?? []).flatMap((cap) => checkCap(cap, pd, names, suggest)),
    ...checkSlots(pd),
  ]);
}

function checkCap(
  cap: CapMap,
  pd: ProtectionDomain,
  names: ReadonlySet<string>,
  suggest: (wanted: string) => string,
): Diagnostic[] {
  const place = cap.place ?? pd.place;
  const found: Diagnostic[] = [];
  if (!names.has(cap.pd))
    found.push(
      errorFinding('SDF410', `unknown PD name '${cap.pd}' (of cap_${cap.kind} in '${pd.name}')`, {
        hint: suggest(cap.pd),
        place,
      }),
    );
  const hint = `use a slot from 1 to ${pdLimits.madeCspaceSlots - 1}`;
  if (cap.slot === 0)
    found.push(
      errorFinding(
        'SDF411',
        `The destination slot 0 has been reserved for Microkit CNode on element 'cap_${cap.kind}' (in '${pd.name}')`,
        { hint, place },
      ),
    );
  else if (!Number.isInteger(cap.slot) || cap.slot < 0 || cap.slot >= pdLimits.cspaceSlots)
    found.push(
      errorFinding(
        'SDF412',
        `There are only ${pdLimits.cspaceSlots} destination cspace slots available. on element 'cap_${cap.kind}' (slot ${cap.slot} in '${pd.name}')`,
        { hint, place },
      ),
    );
  else if (cap.slot >= pdLimits.madeCspaceSlots)
    found.push(
      errorFinding(
        'SDF414',
        `slot ${cap.slot} of cap_${cap.kind} in '${pd.name}' is not there: the Microkit tool takes slots below ${pdLimits.cspaceSlots}, but makes ${pdLimits.madeCspaceSlots}`,
        { hint, place },
      ),
    );
  return found;
}

const toolKinds: Readonly<Record<CapMap['kind'], string>> = { tcb: 'Tcb', sc: 'Sc', vspace: 'VSpace' };

function checkSlots(pd: ProtectionDomain): Diagnostic[] {
  const bySlot = new Map<number, CapMap[]>();
  for (const cap of pd.cspace ?? []) {
    const caps = bySlot.get(cap.slot) ?? [];
    caps.push(cap);
    bySlot.set(cap.slot, caps);
  }
  return [...bySlot].flatMap(([slot, caps]) => {
    if (caps.length < 2) return [];
    const lines = caps.slice(0, 8).map(({ kind, pd: from, place }) => {
      const at = place === undefined ? '' : ` at '${place.file}:${place.line}:${place.column}'`;
      return `\n  type ${toolKinds[kind]} from '${from}'${at}`;
    });
    return [
      errorFinding(
        'SDF413',
        `overlapping user caps in slot ${slot} of protection domain '${pd.name}':${lines.join('')}`,
        { hint: 'give each its own slot', place: caps[1]?.place ?? pd.place },
      ),
    ];
  });
}
