// SPDX-License-Identifier: BSD-2-Clause
// Priority inversions: who has to wait for somebody whom others may keep from running. Priorities are only compared
// where they decide anything: on one CPU and in one scheduling domain. Who wakes whom is known, who waits for whom is
// not; each rule says what it takes for it.
//
// * ppc-not-upwards: a protected call to a protection domain whose priority is not above the caller's. Microkit refuses
//   it, on whatever CPUs. (All others it accepts.)
// * child-above-parent: a child has a higher priority than its parent. One that runs away cannot be stopped by the
//   parent, which handles its faults.
// * vm-not-below-pd: a virtual machine has a priority not below that of the protection domain that runs it: a busy
//   guest keeps its own monitor from running. (Where neither has got any priority, nobody has thought of them yet.)
// * call-waits-below: H calls S, and S is notified by an L that does not call S, is no further from the devices than S
//   (what lies further is S's client, not its help), and has a lower priority than H. What S needs of L to serve H
//   waits for everybody between L and H.
// * relay-below-both: B passes on what comes from A, nearer to a device, to C, further from it, and has a lower priority
//   than both. What C waits for can be held up by everybody between B and C, and by C.
// * driver-below-client: a protection domain with a device, and without a virtual machine, has a lower priority than a
//   neighbour that has no device and reaches none but by it. Its interrupts wait for its own client.
// * shared-without-channel: two protection domains may write one region that is no device, have no channel to one
//   another, are not parent and child, and have different priorities. All they can do is look again and again, and while
//   the higher one looks, the lower one does not run.
//
// Distance from the devices: 0 for who has an interrupt, an I/O port or a device's registers, else one more than the
// nearest neighbour by channel.

import { pdLimits } from '../limits.ts';
import { visible } from './node-id.ts';
import type { Mark, Unmarked } from './marks.ts';
import type { ChannelEdge, GraphEnd, MapEdge, PdNode, Scheduled } from './system-graph.ts';

export function findInversions(graph: Unmarked, users: ReadonlyMap<string, readonly MapEdge[]>): Mark[] {
  const world = lookAround(graph);
  return [
    ...callsNotUpwards(graph.channels, world),
    ...withinFamilies(graph, world),
    ...graph.pds.flatMap((pd) => callsThatWaitBelow(pd, world)),
    ...graph.pds.flatMap((pd) => relayBelowBoth(pd, world)),
    ...graph.pds.flatMap((pd) => driverBelowClients(pd, world)),
    ...sharedWithoutChannel(graph, users, world),
  ];
}

/** A channel as one of its ends sees it. */
interface Link {
  readonly channel: string;
  readonly self: GraphEnd;
  readonly other: PdNode;
  readonly otherEnd: GraphEnd;
}

interface World {
  readonly pds: ReadonlyMap<string, PdNode>;
  readonly links: ReadonlyMap<string, readonly Link[]>;
  /** Infinity where no device can be reached. */
  readonly distance: (pd: PdNode) => number;
  readonly hasVm: ReadonlySet<string>;
}

function lookAround(graph: Unmarked): World {
  const pds = new Map(graph.pds.map((pd) => [pd.id, pd]));
  const links = new Map<string, Link[]>(graph.pds.map(({ id }) => [id, []]));
  for (const { id, a, b } of graph.channels) {
    if (a.pd === b.pd) continue;
    const [pdA, pdB] = [pds.get(a.pd), pds.get(b.pd)];
    if (pdA === undefined || pdB === undefined) continue;
    links.get(a.pd)?.push({ channel: id, self: a, other: pdB, otherEnd: b });
    links.get(b.pd)?.push({ channel: id, self: b, other: pdA, otherEnd: a });
  }
  const distances = measure(graph, links);
  return {
    pds,
    links,
    distance: ({ id }) => distances.get(id) ?? Infinity,
    hasVm: new Set(graph.vms.map(({ pd }) => pd)),
  };
}

/** Breadth first from all devices at once. */
function measure(graph: Unmarked, links: ReadonlyMap<string, readonly Link[]>): Map<string, number> {
  const devices = new Set(graph.regions.filter(({ isDevice }) => isDevice).map(({ id }) => id));
  const registers = graph.maps.filter(({ owner, pd, region }) => owner === pd && devices.has(region));
  const holders = [...graph.irqs, ...graph.ioPorts].map(({ pd }) => pd);
  const distances = new Map<string, number>();
  let edge = new Set([...holders, ...registers.map(({ owner }) => owner)]);
  for (let distance = 0; edge.size > 0; distance += 1) {
    for (const id of edge) distances.set(id, distance);
    edge = new Set(
      [...edge].flatMap((id) =>
        (links.get(id) ?? []).map(({ other }) => other.id).filter((next) => !distances.has(next)),
      ),
    );
  }
  return distances;
}

const named = ({ name, priority }: Scheduled): string => `'${visible(name)}' (${priority})`;

const compete = (a: PdNode, b: PdNode): boolean => a.cpu === b.cpu && a.domain === b.domain;

const highest = (pds: readonly PdNode[]): PdNode | undefined =>
  pds.reduce<PdNode | undefined>(
    (best, pd) => (best === undefined || pd.priority > best.priority ? pd : best),
    undefined,
  );

const mark = (
  kind: Mark['kind'],
  message: string,
  nodes: readonly Scheduled[],
  more: { readonly channels?: readonly string[]; readonly regions?: readonly string[] } = {},
): Mark => ({ kind, message, nodes: nodes.map(({ id }) => id), regions: [], channels: [], ...more });

const callsNotUpwards = (channels: readonly ChannelEdge[], { pds }: World): Mark[] =>
  channels.flatMap(({ id, a, b }) =>
    [[a, b] as const, [b, a] as const].flatMap(([from, to]) => {
      const [caller, callee] = [pds.get(from.pd), pds.get(to.pd)];
      if (!from.mayCall || caller === undefined || callee === undefined) return [];
      if (callee.priority > caller.priority) return [];
      const message = `${named(caller)} makes protected calls to ${named(callee)}, which has no higher priority`;
      return [mark('ppc-not-upwards', message, [caller, callee], { channels: [id] })];
    }),
  );

const withinFamilies = (graph: Unmarked, { pds }: World): Mark[] => [
  ...graph.pds.flatMap((child) => {
    const parent = pds.get(child.parent ?? '');
    if (parent === undefined || !compete(child, parent) || child.priority <= parent.priority) return [];
    const message = `${named(child)} has a higher priority than its parent ${named(parent)}, which handles its faults`;
    return [mark('child-above-parent', message, [child, parent])];
  }),
  ...graph.vms.flatMap((vm) => {
    const pd = pds.get(vm.pd);
    if (pd === undefined || vm.cpu !== pd.cpu || vm.priority < pd.priority || vm.priority === 0) return [];
    const message = `the virtual machine ${named(vm)} can keep ${named(pd)}, which runs it, from running`;
    return [mark('vm-not-below-pd', message, [vm, pd])];
  }),
];

function callsThatWaitBelow(server: PdNode, { links, distance }: World): Mark[] {
  const all = links.get(server.id) ?? [];
  const calling = all.filter(({ otherEnd }) => otherEnd.mayCall);
  const callers = new Set(calling.map(({ other }) => other));
  const helping = all.filter(
    ({ other, otherEnd }) => otherEnd.mayNotify && !callers.has(other) && distance(other) <= distance(server),
  );
  const seen = new Set<PdNode>();
  return helping.flatMap(({ other: helper, channel }) => {
    const caller = highest([...callers].filter((pd) => compete(pd, helper)));
    if (caller === undefined || caller.priority <= helper.priority || seen.has(helper)) return [];
    seen.add(helper);
    const message = `${named(caller)} calls ${named(server)}, which is notified by ${named(helper)}, below the caller`;
    const calls = calling.filter(({ other }) => other === caller).map((link) => link.channel);
    return [mark('call-waits-below', message, [caller, server, helper], { channels: [...calls, channel] })];
  });
}

function relayBelowBoth(relay: PdNode, { links, distance }: World): Mark[] {
  const own = distance(relay);
  if (own === 0 || own === Infinity) return [];
  const above = (links.get(relay.id) ?? []).filter(
    ({ other }) => compete(other, relay) && other.priority > relay.priority,
  );
  const source = highest(
    above
      .filter(({ other, otherEnd }) => otherEnd.mayNotify && distance(other) < own)
      .map(({ other }) => other),
  );
  const sink = highest(
    above.filter(({ other, self }) => self.mayNotify && distance(other) > own).map(({ other }) => other),
  );
  if (source === undefined || sink === undefined) return [];
  const channels = above
    .filter(({ other }) => other === source || other === sink)
    .map(({ channel }) => channel);
  const message = `${named(relay)} stands between ${named(source)} and ${named(sink)}, below both`;
  return [mark('relay-below-both', message, [relay, source, sink], { channels })];
}

function driverBelowClients(driver: PdNode, { links, distance, hasVm }: World): Mark[] {
  if (distance(driver) !== 0 || hasVm.has(driver.id)) return [];
  const clients = (links.get(driver.id) ?? []).filter(
    ({ other, self, otherEnd }) =>
      compete(other, driver) &&
      other.priority > driver.priority &&
      self.mayNotify &&
      !otherEnd.mayCall &&
      distance(other) === 1 &&
      (links.get(other.id) ?? []).every((link) => link.other === driver || distance(link.other) > 0),
  );
  const client = highest(clients.map(({ other }) => other));
  if (client === undefined) return [];
  const channels = clients.filter(({ other }) => other === client).map(({ channel }) => channel);
  const message = `${named(driver)} has a device and a lower priority than its client ${named(client)}`;
  return [mark('driver-below-client', message, [driver, client], { channels })];
}

/** As many regions of a pair as a mark names. */
const regionsOfPair = 100;

function sharedWithoutChannel(
  graph: Unmarked,
  users: ReadonlyMap<string, readonly MapEdge[]>,
  { pds, links }: World,
): Mark[] {
  const neighbours = new Map(
    [...links].map(([id, all]) => [id, new Set(all.map(({ other }) => other.id))] as const),
  );
  const found = new Map<string, { low: PdNode; high: PdNode; count: number; regions: string[] }>();
  for (const region of graph.regions) {
    if (region.isDevice) continue;
    const maps = (users.get(region.id) ?? []).filter(({ perms }) => perms.includes('w'));
    const writers = [...new Set(maps.flatMap(({ pd }) => pds.get(pd ?? '') ?? []))]
      .slice(0, pdLimits.pds)
      .toSorted((a, b) => a.priority - b.priority);
    for (const [index, low] of writers.entries())
      for (const high of writers.slice(index + 1)) {
        if (high.priority === low.priority || !compete(low, high)) continue;
        if (neighbours.get(low.id)?.has(high.id) === true) continue;
        if (low.parent === high.id || high.parent === low.id) continue;
        const key = `${low.id} ${high.id}`;
        const pair = found.get(key) ?? { low, high, count: 0, regions: [] };
        found.set(key, pair);
        pair.count += 1;
        if (pair.regions.length < regionsOfPair) pair.regions.push(region.id);
      }
  }
  const names = new Map(graph.regions.map(({ id, name }) => [id, visible(name)]));
  return [...found.values()].map(({ low, high, count, regions: [first = '', ...others] }) => {
    const regions = [first, ...others];
    const more = count === 1 ? '' : ` and ${count - 1} more`;
    const message = `${named(low)} and ${named(high)} both write '${names.get(first) ?? ''}'${more} and have no channel to one another`;
    return mark('shared-without-channel', message, [low, high], { regions });
  });
}
