// SPDX-License-Identifier: BSD-2-Clause
// Regions that the same owners map with the same rights are one thing to who looks at a system: a queue and its data
// between two protection domains, the registers of one driver. A picture shows each such group as one box.

import type { MapEdge, RegionNode, SystemGraph } from './system-graph.ts';

export interface RegionGroup {
  /** Of its first region. */
  readonly id: string;
  readonly regions: readonly RegionNode[];
  readonly users: readonly GroupUser[];
  /** The protection domain that all users belong to; undefined if there are several, or a device, or none. */
  readonly home?: string;
  readonly sizeBytes: bigint;
}

export interface GroupUser {
  /** Node id of a protection domain, a virtual machine or an I/O address space. */
  readonly owner: string;
  readonly pd?: string;
  readonly perms: MapEdge['perms'];
  readonly isCached: boolean;
  /** In the order of the group's regions. */
  readonly addresses: readonly bigint[];
}

/** All regions, each in one group, in the order of the description. */
export function groupRegions({ regions, maps }: SystemGraph): readonly RegionGroup[] {
  const uses = new Map<string, MapEdge[]>(regions.map(({ id }) => [id, []]));
  for (const map of maps) uses.get(map.region)?.push(map);
  const groups = new Map<string, RegionNode[]>();
  for (const region of regions) {
    const signature = signatureOf(region, uses.get(region.id) ?? []);
    const members = groups.get(signature);
    if (members === undefined) groups.set(signature, [region]);
    else members.push(region);
  }
  return [...groups.values()].map((members) => makeGroup(members, uses));
}

const signatureOf = ({ isDevice }: RegionNode, maps: readonly MapEdge[]): string =>
  [isDevice, ...maps.map(({ owner, perms, isCached }) => `${owner} ${perms} ${isCached}`).toSorted()].join();

function makeGroup(
  regions: readonly RegionNode[],
  uses: ReadonlyMap<string, readonly MapEdge[]>,
): RegionGroup {
  const users = new Map<string, { map: MapEdge; addresses: bigint[] }>();
  for (const region of regions)
    for (const map of uses.get(region.id) ?? []) {
      const key = `${map.owner} ${map.perms} ${map.isCached}`;
      const user = users.get(key) ?? { map, addresses: [] };
      users.set(key, user);
      user.addresses.push(map.address);
    }
  const all = [...users.values()].map(({ map, addresses }): GroupUser => {
    const { owner, pd, perms, isCached } = map;
    return { owner, ...(pd === undefined ? {} : { pd }), perms, isCached, addresses };
  });
  const [home, ...others] = new Set(all.map(({ pd }) => pd));
  return {
    id: regions[0]?.id ?? '',
    regions,
    users: all,
    ...(home === undefined || others.length > 0 ? {} : { home }),
    sizeBytes: regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0n),
  };
}
