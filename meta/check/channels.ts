// SPDX-License-Identifier: BSD-2-Clause
// Rules of channels: known ends that differ, one-way protected calls upwards in priority, ids that are unique.

import type { Diagnostic, Place } from '../diagnostic.ts';
import { errorFinding, noFindings, suggester } from '../finding.ts';
import { pdLimits } from '../limits.ts';
import {
  allPds,
  type AnyIrq,
  type Channel,
  type ChannelEnd,
  type ProtectionDomain,
  type SystemDescription,
} from '../model.ts';
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

function checkCalls(
  { a, b, place }: Channel,
  byName: PdsByName,
  { arch }: CheckTarget,
): readonly Diagnostic[] {
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
  if (caller === undefined || callee === undefined) return noFindings;
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

/** An interrupt, or a channel's end with the protection domain at the other. */
interface IdUser {
  readonly pd: string;
  readonly id: number;
  readonly by: AnyIrq | string;
  readonly place: Place | undefined;
}

function checkIds(pds: readonly ProtectionDomain[], channels: readonly Channel[]): Diagnostic[] {
  const seen = new Map<string, Map<number, IdUser>>();
  const twice: Diagnostic[] = [];
  const outside: Diagnostic[] = [];
  const look = (user: IdUser): void => {
    const ids = seen.get(user.pd) ?? new Map<number, IdUser>();
    if (ids.size === 0) seen.set(user.pd, ids);
    const first = ids.get(user.id);
    if (first === undefined) ids.set(user.id, user);
    else twice.push(sayTwice(first, user));
    if (!isIntegerBelow(user.id, pdLimits.ids)) outside.push(sayOutside(user));
  };
  for (const { name, irqs } of pds)
    for (const irq of irqs) look({ pd: name, id: irq.id, by: irq, place: irq.place });
  for (const { a, b, place } of channels) {
    look({ pd: a.pd, id: a.id, by: b.pd, place: a.place ?? place });
    if (a.pd !== b.pd) look({ pd: b.pd, id: b.id, by: a.pd, place: b.place ?? place });
  }
  return [...twice, ...outside];
}

const sayTwice = (first: IdUser, again: IdUser): Diagnostic =>
  errorFinding(
    'SDF405',
    `duplicate channel id: ${again.id} in protection domain: '${again.pd}' (used by ${nameUser(first)} and ${nameUser(again)})`,
    { hint: 'leave one of the ids out to get a free one', place: again.place },
  );

const sayOutside = (user: IdUser): Diagnostic =>
  errorFinding(
    'SDF406',
    `id must be ${user.id < 0 ? '>= 0' : `< ${pdLimits.ids}`} on element '${typeof user.by === 'string' ? 'end' : 'irq'}' (${user.id} for ${nameUser(user)} of '${user.pd}')`,
    { hint: 'leave the id out to get a free one', place: user.place },
  );

const nameUser = ({ by }: IdUser): string =>
  typeof by === 'string' ? `the channel to '${by}'` : nameIrq(by);

const nameIrq = (irq: AnyIrq): string => {
  if ('irq' in irq) return `IRQ ${irq.irq}`;
  return 'pin' in irq ? `pin ${irq.pin} of I/O APIC ${irq.ioapic ?? 0}` : `the MSI of ${irq.pcidev}`;
};
