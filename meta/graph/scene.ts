// SPDX-License-Identifier: BSD-2-Clause
// What a picture of a system shows, in boxes and lines, before anybody says how they are drawn (render-dot.ts,
// render-mermaid.ts). Private regions lie in the box of their protection domain, shared ones between; regions with the
// same users are one box. Lines run from higher to lower priorities, so that a layout from top to bottom puts drivers
// above their clients; which way something may go is a matter of `pointsTo` and `pointsFrom`.
//
// A picture of two thousand boxes helps nobody and takes its layout minutes: one that would get too big is drawn with
// less. First the private regions become a number in the box of their protection domain, then the shared ones become
// lines between protection domains, then numbers too. What was left out is said (`detail`); the JSON always has it all.

import { pdLimits } from '../limits.ts';
import { hex } from '../units.ts';
import { memoryMarks } from './marks.ts';
import { visible } from './node-id.ts';
import { type GroupUser, groupRegions, type RegionGroup } from './region-groups.ts';
import { pdLines, pdTitle, regionLines, shortSize, spaceLines, vmLines } from './scene-text.ts';
import type { ChannelEdge, SystemGraph } from './system-graph.ts';

export const details = ['regions', 'shared regions', 'pairs', 'numbers'] as const;
export type Detail = (typeof details)[number];

export interface Scene {
  readonly title: string;
  readonly detail: Detail;
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
  /** What stands out, in sentences. */
  readonly remarks: readonly string[];
}

/** `alarm`: part of an inversion, or writable code; `shared`: memory that two protection domains can write. */
export type Tone = 'plain' | 'shared' | 'alarm';

export interface Box {
  readonly id: string;
  readonly kind: 'pd' | 'vm' | 'region' | 'device' | 'io-space';
  readonly title: string;
  readonly text: readonly string[];
  readonly tone: Tone;
  /** Boxes drawn in a frame with this one. */
  readonly inner: readonly Box[];
}

export interface Line {
  readonly from: string;
  readonly to: string;
  readonly kind: 'notify' | 'call' | 'map' | 'fault' | 'cap' | 'sharing';
  readonly pointsTo: boolean;
  readonly pointsFrom: boolean;
  /** At the middle; short lines. */
  readonly text: readonly string[];
  /** At the ends: ids of a channel. */
  readonly fromText?: string;
  readonly toText?: string;
  readonly tone: Tone;
}

/** Most that a picture has: Mermaid stops at 500 lines, and dot's time grows faster than both. */
export const sceneLimits = { boxes: 160, lines: 440, remarks: 10 } as const;

/** The scene of `graph` in as much detail as the limits allow, and as `isFine`, if that is at all possible. */
export function sceneOf(graph: SystemGraph, isFine: (scene: Scene) => boolean = () => true): Scene {
  const groups = groupRegions(graph);
  let scene = drawScene(graph, groups, details[0]);
  for (const detail of details.slice(1)) {
    if (fits(scene) && isFine(scene)) break;
    scene = drawScene(graph, groups, detail);
  }
  return scene;
}

function fits({ boxes, lines }: Scene): boolean {
  const count = (all: readonly Box[]): number => all.reduce((sum, box) => sum + 1 + count(box.inner), 0);
  return lines.length <= sceneLimits.lines && count(boxes) <= sceneLimits.boxes;
}

function drawScene(graph: SystemGraph, groups: readonly RegionGroup[], detail: Detail): Scene {
  const tones = tonesOf(graph);
  const shared = groups.filter(({ home }) => home === undefined);
  const priorities = new Map(graph.pds.map(({ id, priority }) => [id, priority]));
  const channels = graph.channels.map((channel) => downwards(channelLine(channel, tones), priorities));
  const areCounted = detail === 'pairs' || detail === 'numbers';
  const drawn = detail === 'regions' ? groups : detail === 'shared regions' ? shared : [];
  return {
    title: visible(graph.name),
    detail,
    boxes: [
      ...pdBoxes(graph, groups, { detail, tones }),
      ...(areCounted ? [] : shared.map((group) => regionBox(group, tones))),
      ...graph.ioAddressSpaces.map(
        (space): Box => ({
          id: space.id,
          kind: 'io-space',
          title: visible(space.name),
          text: spaceLines(space),
          tone: 'plain',
          inner: [],
        }),
      ),
    ],
    lines: [
      ...(areCounted ? mergeChannels(channels) : channels),
      ...drawn.flatMap((group) => mapLines(group, tones, priorities)),
      ...(detail === 'pairs' ? sharingLines(shared) : []),
      ...graph.pds.flatMap(({ id, parent, childId }): Line[] =>
        parent === undefined
          ? []
          : [{ ...line(id, parent, 'fault'), text: [`faults, id ${childId ?? '?'}`], pointsTo: true }],
      ),
      ...graph.caps.map(
        ({ pd, of, kind, slot }): Line => ({
          ...line(pd, of, 'cap'),
          text: [`${kind}, slot ${slot}`],
          pointsTo: true,
        }),
      ),
    ],
    remarks: remarksOf(graph),
  };
}

const line = (from: string, to: string, kind: Line['kind'], tone: Tone = 'plain'): Line => ({
  from,
  to,
  kind,
  tone,
  text: [],
  pointsTo: false,
  pointsFrom: false,
});

type Tones = ReadonlyMap<string, Tone>;

function tonesOf({ marks }: SystemGraph): Tones {
  const tones = new Map<string, Tone>();
  const soft = marks.filter(({ kind }) => kind === 'shared-writable' || kind === 'shared-device');
  for (const { regions } of soft) for (const id of regions) tones.set(id, 'shared');
  for (const { kind, nodes, regions, channels } of marks) {
    if (kind === 'shared-writable' || kind === 'shared-device') continue;
    const loud = memoryMarks.includes(kind) ? regions : [...nodes, ...regions, ...channels];
    for (const id of loud) tones.set(id, 'alarm');
  }
  return tones;
}

function pdBoxes(
  graph: SystemGraph,
  groups: readonly RegionGroup[],
  { detail, tones }: { detail: Detail; tones: Tones },
): Box[] {
  const privates = groupBy(groups, ({ home }) => home);
  const sharedBy = new Map<string, RegionGroup[]>();
  if (detail === 'numbers')
    for (const group of groups.filter(({ home }) => home === undefined))
      for (const id of new Set(group.users.flatMap(({ pd }) => pd ?? []))) {
        const list = sharedBy.get(id);
        if (list === undefined) sharedBy.set(id, [group]);
        else list.push(group);
      }
  const children = groupBy(graph.pds, ({ parent }) => parent);
  const irqs = groupBy(graph.irqs, ({ pd }) => pd);
  const ports = groupBy(graph.ioPorts, ({ pd }) => pd);
  const vmOf = new Map(graph.vms.map((vm) => [vm.pd, vm]));
  const box = (pd: SystemGraph['pds'][number]): Box => {
    const own = privates.get(pd.id) ?? [];
    const vm = vmOf.get(pd.id);
    return {
      id: pd.id,
      kind: 'pd',
      title: pdTitle(pd),
      text: [
        ...pdLines(pd, irqs.get(pd.id) ?? [], ports.get(pd.id) ?? []),
        ...(detail === 'regions' || own.length === 0 ? [] : [countRegions(own, 'private')]),
        ...(detail === 'numbers' ? [countRegions(sharedBy.get(pd.id) ?? [], 'shared')] : []),
      ],
      tone: tones.get(pd.id) ?? 'plain',
      inner: [
        ...(vm === undefined
          ? []
          : [
              {
                id: vm.id,
                kind: 'vm' as const,
                title: visible(vm.name),
                text: vmLines(vm),
                tone: tones.get(vm.id) ?? ('plain' as const),
                inner: [],
              },
            ]),
        ...(detail === 'regions' ? own.map((group) => regionBox(group, tones)) : []),
        ...(children.get(pd.id) ?? []).map(box),
      ],
    };
  };
  return graph.pds.filter(({ parent }) => parent === undefined).map(box);
}

/** Items without a key are left out. */
function groupBy<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string | undefined,
): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

function countRegions(groups: readonly RegionGroup[], which: 'private' | 'shared'): string {
  const count = groups.reduce((sum, { regions }) => sum + regions.length, 0);
  const size = groups.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0n);
  return `${count} ${which} region${count === 1 ? '' : 's'}, ${shortSize(size)}`;
}

const regionBox = ({ id, regions, users, sizeBytes }: RegionGroup, tones: Tones): Box => ({
  id,
  kind: regions.some(({ isDevice }) => isDevice) ? 'device' : 'region',
  title: users.length === 0 ? 'not mapped' : '',
  text: regionLines(regions, sizeBytes),
  tone: toneOfAll(
    regions.map((region) => region.id),
    tones,
  ),
  inner: [],
});

function toneOfAll(ids: readonly string[], tones: Tones): Tone {
  const found = new Set(ids.map((id) => tones.get(id)));
  return found.has('alarm') ? 'alarm' : found.has('shared') ? 'shared' : 'plain';
}

const channelLine = ({ id, a, b }: ChannelEdge, tones: Tones): Line => {
  const isCall = a.mayCall || b.mayCall;
  return {
    ...line(a.pd, b.pd, isCall ? 'call' : 'notify', tones.get(id)),
    text: isCall ? [a.mayNotify && b.mayNotify ? 'PPC, notify' : 'PPC'] : [],
    fromText: String(a.channelId),
    toText: String(b.channelId),
    pointsTo: a.mayNotify || a.mayCall,
    pointsFrom: b.mayNotify || b.mayCall,
  };
};

type Priorities = ReadonlyMap<string, number>;

/** The line from the end with the higher priority. */
function downwards(given: Line, priorities: Priorities): Line {
  const { from, to, fromText, toText, pointsFrom, pointsTo } = given;
  if ((priorities.get(from) ?? 0) >= (priorities.get(to) ?? 0)) return given;
  return {
    ...given,
    from: to,
    to: from,
    ...(toText === undefined ? {} : { fromText: toText }),
    ...(fromText === undefined ? {} : { toText: fromText }),
    pointsFrom: pointsTo,
    pointsTo: pointsFrom,
  };
}

/** One line for all channels of two protection domains. */
function mergeChannels(channels: readonly Line[]): Line[] {
  const merged = new Map<string, Line[]>();
  for (const channel of channels) {
    const key = [channel.from, channel.to].toSorted().join(' ');
    const same = merged.get(key);
    if (same === undefined) merged.set(key, [channel]);
    else same.push(channel);
  }
  return [...merged.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined || same.length === 1) return same;
    return {
      ...line(first.from, first.to, same.some(({ kind }) => kind === 'call') ? 'call' : 'notify'),
      tone: same.some(({ tone }) => tone === 'alarm') ? 'alarm' : 'plain',
      text: [`${same.length} channels`],
      pointsTo: same.some((each) => (each.from === first.from ? each.pointsTo : each.pointsFrom)),
      pointsFrom: same.some((each) => (each.from === first.from ? each.pointsFrom : each.pointsTo)),
    };
  });
}

/** Addresses that one line shows. */
const shownAddresses = 3;

function mapLines({ id, regions, users, home }: RegionGroup, tones: Tones, priorities: Priorities): Line[] {
  const priorityOf = ({ pd }: GroupUser): number => priorities.get(pd ?? '') ?? 0;
  const highest = users.reduce((top, user) => Math.max(top, priorityOf(user)), 0);
  const tone = toneOfAll(
    regions.map((region) => region.id),
    tones,
  );
  return users.map((user): Line => {
    const { owner, perms, isCached, addresses } = user;
    const shown = addresses.slice(0, shownAddresses).map((address) => hex(address));
    const [reads, writes] = [/[rx]/.test(perms), perms.includes('w')];
    const isAbove = home !== undefined || priorityOf(user) === highest;
    const [from, to] = isAbove ? [owner, id] : [id, owner];
    return {
      ...line(from, to, 'map', tone),
      text: [
        isCached ? perms : `${perms} uncached`,
        ...shown,
        ...(addresses.length > shown.length ? ['…'] : []),
      ],
      pointsTo: isAbove ? writes : reads,
      pointsFrom: isAbove ? reads : writes,
    };
  });
}

/** A line for each two protection domains that share memory. */
function sharingLines(shared: readonly RegionGroup[]): Line[] {
  const pairs = new Map<string, { from: string; to: string; regions: number; written: number }>();
  for (const { regions, users } of shared) {
    const writers = new Set(users.flatMap(({ pd, perms }) => (perms.includes('w') ? (pd ?? []) : [])));
    const pds = [...new Set(users.flatMap(({ pd }) => pd ?? []))].slice(0, pdLimits.pds).toSorted();
    for (const [index, from] of pds.entries())
      for (const to of pds.slice(index + 1)) {
        const pair = pairs.get(`${from} ${to}`) ?? { from, to, regions: 0, written: 0 };
        pairs.set(`${from} ${to}`, pair);
        pair.regions += regions.length;
        if (writers.has(from) && writers.has(to)) pair.written += regions.length;
      }
  }
  return [...pairs.values()].map(({ from, to, regions, written }) => ({
    ...line(from, to, 'sharing', written > 0 ? 'shared' : 'plain'),
    text: [`shares ${regions}`, ...(written > 0 ? [`both write ${written}`] : [])],
  }));
}

function remarksOf({ marks }: SystemGraph): string[] {
  const isQuiet = (kind: string): boolean => kind === 'shared-writable';
  const loud = marks.filter(({ kind }) => !isQuiet(kind)).map(({ message }) => message);
  const count = marks.filter(({ kind }) => isQuiet(kind)).length;
  const { remarks } = sceneLimits;
  return [
    ...loud.slice(0, remarks),
    ...(loud.length > remarks ? [`and ${loud.length - remarks} more`] : []),
    ...(count === 0
      ? []
      : [`${count} region${count === 1 ? '' : 's'} can be written by two protection domains or more`]),
  ];
}
