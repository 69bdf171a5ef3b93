// SPDX-License-Identifier: BSD-2-Clause
// Rules of channels: known ends that differ, one-way protected calls upwards in priority, ids that are unique.

import type { Diagnostic, Place } from '../diagnostic.ts';
import { errorFinding, suggester } from '../finding.ts';
import { pdLimits } from '../limits.ts';
import {
  allPds,
  type AnyIrq,
  type Channel,
  type ChannelEnd,
  type ProtectionDomain,
  type SystemDescription,
} from '../model.ts';
import { duplicates } from './duplicates.ts';
import { isIntegerBelow } from './scheduling.ts';
import type { CheckTarget } from './target.ts';

export function checkChannels(system: SystemDescription, target: CheckTarget): Diagnostic[] {
  const pds = allPds(system.protectionDomains);
  const byName = new Map(pds.toReversed().map((pd) => [pd.name, pd]));
  const suggest = suggester([...byName.keys()]);
  return [
    ...system.channels.flatMap((channel) => checkEnds(channel, byName, suggest)),
    ...system.channels.flatMap((channel) => checkCalls(channel, byName, target)),
    ...checkIds(pds, system.channels),
  ];
}

type PdsByName = ReadonlyMap<string, ProtectionDomain>;

function checkEnds(
  { a, b, place }: Channel,
  byName: PdsByName,
  suggest: (wanted: string) => string,
): Diagnostic[] {
  const unknown = [a, b]
    .filter((end) => !byName.has(end.pd))
    .map((end) =>
      errorFinding('SDF401', `invalid PD name '${end.pd}' on element 'end' (of a channel)`, {
        hint: `add the protection domain to the system; ${suggest(end.pd)}`,
        place: end.place ?? place,
      }),
    );
  if (a.pd !== b.pd) return unknown;
  return [
    ...unknown,
    errorFinding('SDF402', `a channel connects '${a.pd}' with itself (ids ${a.id} and ${b.id})`, {
      hint: 'connect two protection domains',
      place,
    }),
  ];
}

function checkCalls({ a, b, place }: Channel, byName: PdsByName, { arch }: CheckTarget): Diagnostic[] {
  if (a.pp === true && b.pp === true)
    return [
      errorFinding(
        'SDF403',
        `cannot ppc bidirectionally on element 'channel' ('${a.pd}' and '${b.pd}' both have pp)`,
        {
          hint: 'set pp on the end that calls',
          place,
        },
      ),
    ];
  const [caller, callee] = a.pp === true ? [a, b] : b.pp === true ? [b, a] : [];
  if (caller === undefined || callee === undefined) return [];
  const found: Diagnostic[] = [];
  const low = priorityOf(caller, byName);
  const high = priorityOf(callee, byName);
  if (high <= low)
    found.push(
      errorFinding(
        'SDF404',
        `PPCs must be to protection domains of strictly higher priorities; channel with PPC exists from pd ${caller.pd} (priority: ${low}) to pd ${callee.pd} (priority: ${high})`,
        { hint: `raise the priority of '${callee.pd}' above ${low}`, place },
      ),
    );
  if (arch === 'x86_64' && byName.get(callee.pd)?.virtualMachine !== undefined)
    found.push(
      errorFinding(
        'SDF408',
        `It is not possible to PPC to PD '${callee.pd}' with a bound vCPU from PD '${caller.pd}' on x86_64`,
        { hint: 'notify it instead', place },
      ),
    );
  return found;
}

const priorityOf = ({ pd }: ChannelEnd, byName: PdsByName): number => byName.get(pd)?.priority ?? 0;

interface IdUser {
  readonly pd: string;
  readonly id: number;
  readonly element: 'irq' | 'end';
  readonly user: string;
  readonly place: Place | undefined;
}

function checkIds(pds: readonly ProtectionDomain[], channels: readonly Channel[]): Diagnostic[] {
  const users: IdUser[] = pds.flatMap((pd) =>
    pd.irqs.map((irq) => ({
      pd: pd.name,
      id: irq.id,
      element: 'irq' as const,
      user: nameIrq(irq),
      place: irq.place,
    })),
  );
  for (const { a, b, place } of channels)
    for (const [end, other] of [
      [a, b],
      [b, a],
    ] as const)
      if (end !== b || a.pd !== b.pd)
        users.push({
          pd: end.pd,
          id: end.id,
          element: 'end',
          user: `the channel to '${other.pd}'`,
          place: end.place ?? place,
        });
  return [
    ...duplicates(users, ({ pd, id }) => `${id} ${pd}`).map(({ first, again }) =>
      errorFinding(
        'SDF405',
        `duplicate channel id: ${again.id} in protection domain: '${again.pd}' (used by ${first.user} and ${again.user})`,
        { hint: 'leave one of the ids out to get a free one', place: again.place },
      ),
    ),
    ...users.filter(({ id }) => !isIntegerBelow(id, pdLimits.ids)).map(outside),
  ];
}

const outside = ({ pd, id, element, user, place }: IdUser): Diagnostic =>
  errorFinding(
    'SDF406',
    `id must be ${id < 0 ? '>= 0' : `< ${pdLimits.ids}`} on element '${element}' (${id} for ${user} of '${pd}')`,
    { hint: 'leave the id out to get a free one', place },
  );

const nameIrq = (irq: AnyIrq): string => {
  if ('irq' in irq) return `IRQ ${irq.irq}`;
  return 'pin' in irq ? `pin ${irq.pin} of I/O APIC ${irq.ioapic ?? 0}` : `the MSI of ${irq.pcidev}`;
};
