// SPDX-License-Identifier: BSD-2-Clause
// What stands out in a system: priority inversions (inversions.ts), and memory that more can touch than one would
// expect. Facts, not verdicts: sDDF's queues, for one, are written by both sides on purpose.
//
// * shared-writable: two protection domains or more have a region mapped writable. What a virtual machine writes counts
//   for the protection domain that runs it: a guest's RAM, which both map, is not marked.
// * writable-code: a region is executable in a protection domain, and somebody may write it there or elsewhere. Virtual
//   machines are left out as those who execute: a guest's RAM holds its code.
// * shared-device: registers (a fixed physical address, uncached in one map at least) that two protection domains or more
//   have mapped at all.

import { visible } from './node-id.ts';
import { findInversions } from './inversions.ts';
import type { MapEdge, RegionNode, SystemGraph } from './system-graph.ts';

export const markKinds = [
  'ppc-not-upwards',
  'child-above-parent',
  'vm-not-below-pd',
  'call-waits-below',
  'relay-below-both',
  'driver-below-client',
  'shared-without-channel',
  'writable-code',
  'shared-device',
  'shared-writable',
] as const;
export type MarkKind = (typeof markKinds)[number];

export interface Mark {
  readonly kind: MarkKind;
  /** One sentence with the names and numbers, without a full stop. */
  readonly message: string;
  /** Node ids of protection domains and virtual machines, those that the message names first. */
  readonly nodes: readonly string[];
  readonly regions: readonly string[];
  readonly channels: readonly string[];
}

/** Marks that are about memory; the others are inversions of priority. */
export const memoryMarks: readonly MarkKind[] = ['writable-code', 'shared-device', 'shared-writable'];

/** Names that a message lists. */
const listed = 6;

export type Unmarked = Omit<SystemGraph, 'marks'>;

/** In the order of `markKinds`, then of the description. */
export function findMarks(graph: Unmarked): readonly Mark[] {
  const users = new Map<string, MapEdge[]>();
  for (const map of graph.maps) {
    const list = users.get(map.region);
    if (list === undefined) users.set(map.region, [map]);
    else list.push(map);
  }
  const names = new Map(
    [...graph.pds, ...graph.vms, ...graph.ioAddressSpaces].map(({ id, name }) => [id, name]),
  );
  const list = (ids: readonly string[]): string => {
    const shown = ids.slice(0, listed).map((id) => `'${visible(names.get(id) ?? id)}'`);
    return `${shown.join(', ')}${ids.length > listed ? ` and ${ids.length - listed} more` : ''}`;
  };
  const found = [
    ...findInversions(graph, users),
    ...graph.regions.flatMap((region) => markRegion(region, users.get(region.id) ?? [], list)),
  ];
  return found.toSorted((a, b) => markKinds.indexOf(a.kind) - markKinds.indexOf(b.kind));
}

/** Protection domains that may write through `maps`, each once. */
export const writersOf = (maps: readonly MapEdge[]): readonly string[] =>
  uniquePds(maps.filter(({ perms }) => perms.includes('w')));

const uniquePds = (maps: readonly MapEdge[]): string[] => [...new Set(maps.flatMap(({ pd }) => pd ?? []))];

function markRegion(
  region: RegionNode,
  maps: readonly MapEdge[],
  list: (ids: readonly string[]) => string,
): Mark[] {
  const found: Mark[] = [];
  const name = visible(region.name);
  const mark = (kind: MarkKind, message: string, nodes: readonly string[]): void => {
    found.push({ kind, message, nodes, regions: [region.id], channels: [] });
  };
  const writers = writersOf(maps);
  const owners = (those: readonly MapEdge[]): string[] => [...new Set(those.map(({ owner }) => owner))];
  const executing = owners(maps.filter((map) => map.owner === map.pd && map.perms.includes('x')));
  const writing = owners(maps.filter(({ perms }) => perms.includes('w')));
  if (executing.length > 0 && writing.length > 0)
    mark('writable-code', `'${name}' can be executed by ${list(executing)} and written by ${list(writing)}`, [
      ...new Set([...executing, ...writing]),
    ]);
  const sharers = uniquePds(maps);
  if (region.isDevice && sharers.length > 1)
    mark('shared-device', `the registers '${name}' are mapped by ${list(sharers)}`, sharers);
  if (writers.length > 1) mark('shared-writable', `'${name}' can be written by ${list(writers)}`, writers);
  return found;
}
