// SPDX-License-Identifier: BSD-2-Clause
// Rules of channels: known ends that differ, one-way protected calls upwards in priority, ids that are unique.

import type { Diagnostic } from '../diagnostic.ts';
import { didYouMean, errorFinding } from '../finding.ts';
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

export function checkChannels(system: SystemDescription): Diagnostic[] {
  const pds = allPds(system.protectionDomains);
  const byName = new Map(pds.map((pd) => [pd.name, pd]));
  return [
    ...system.channels.flatMap((channel) => checkEnds(channel, byName)),
    ...system.channels.flatMap((channel) => checkCalls(channel, byName)),
    ...pds.flatMap((pd) => checkIds(pd, system.channels)),
  ];
}

type PdsByName = ReadonlyMap<string, ProtectionDomain>;

function checkEnds({ a, b, place }: Channel, byName: PdsByName): Diagnostic[] {
  const unknown = [a, b]
    .filter((end) => !byName.has(end.pd))
    .map((end) =>
      errorFinding('SDF401', `invalid PD name '${end.pd}' on a channel`, {
        hint: `add the protection domain to the system; ${didYouMean(end.pd, [...byName.keys()])}`,
        place,
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

function checkCalls({ a, b, place }: Channel, byName: PdsByName): Diagnostic[] {
  if (a.pp === true && b.pp === true)
    return [
      errorFinding('SDF403', `cannot ppc bidirectionally: '${a.pd}' and '${b.pd}' both have pp`, {
        hint: 'set pp on the end that calls',
        place,
      }),
    ];
  const [caller, callee] = a.pp === true ? [a, b] : b.pp === true ? [b, a] : [];
  if (caller === undefined || callee === undefined) return [];
  const low = priorityOf(caller, byName);
  const high = priorityOf(callee, byName);
  if (high > low) return [];
  return [
    errorFinding(
      'SDF404',
      `PPCs must be to protection domains of strictly higher priorities; channel with PPC exists from pd ${caller.pd} (priority: ${low}) to pd ${callee.pd} (priority: ${high})`,
      { hint: `raise the priority of '${callee.pd}' above ${low}`, place },
    ),
  ];
}

const priorityOf = ({ pd }: ChannelEnd, byName: PdsByName): number => byName.get(pd)?.priority ?? 0;

function checkIds(pd: ProtectionDomain, channels: readonly Channel[]): Diagnostic[] {
  const ends = channels.flatMap(({ a, b, place }) => [
    ...(a.pd === pd.name ? [{ id: a.id, user: `the channel to '${b.pd}'`, place }] : []),
    ...(b.pd === pd.name && b.pd !== a.pd ? [{ id: b.id, user: `the channel to '${a.pd}'`, place }] : []),
  ]);
  const users = [...pd.irqs.map((irq) => ({ id: irq.id, user: nameIrq(irq), place: irq.place })), ...ends];
  const twice = duplicates(users, ({ id }) => id).map(({ first, again }) =>
    errorFinding(
      'SDF405',
      `duplicate channel id: ${again.id} in protection domain: '${pd.name}', used by ${first.user} and ${again.user}`,
      { hint: 'leave one of the ids out to get a free one', place: again.place },
    ),
  );
  const outside = users
    .filter(({ id }) => !Number.isInteger(id) || id < 0 || id >= pdLimits.ids)
    .map(({ id, user, place }) =>
      errorFinding(
        'SDF406',
        `id ${id} of ${user} in protection domain '${pd.name}' must be < ${pdLimits.ids} and >= 0`,
        {
          hint: 'leave the id out to get a free one',
          place,
        },
      ),
    );
  return [...twice, ...outside];
}

const nameIrq = (irq: AnyIrq): string =>
  'irq' in irq
    ? `IRQ ${irq.irq}`
    : 'pin' in irq
      ? `pin ${irq.pin} of I/O APIC ${irq.ioapic ?? 0}`
      : `MSI of ${irq.pcidev}`;
