// SPDX-License-Identifier: BSD-2-Clause
// A system as nodes and edges, with every number that Microkit would assume written out: what `vmbuild graph` draws and
// what its JSON says. A pure function of the description; names may be anything, ids are plain words made from them.

import { pdLimits } from '../limits.ts';
import {
  allPds,
  type AnyIrq,
  type Architecture,
  type ChannelEnd,
  type Mapping,
  type MemoryRegion,
  type Perms,
  type ProtectionDomain,
  type SystemDescription,
  type VirtualMachine,
} from '../model.ts';
import { findMarks, type Mark } from './marks.ts';
import { makeNaming } from './node-id.ts';

export interface SystemGraph {
  readonly name: string;
  readonly arch: Architecture;
  /** Parents before their children. */
  readonly pds: readonly PdNode[];
  readonly vms: readonly VmNode[];
  readonly regions: readonly RegionNode[];
  readonly irqs: readonly IrqNode[];
  readonly ioPorts: readonly IoPortNode[];
  readonly ioAddressSpaces: readonly IoSpaceNode[];
  readonly maps: readonly MapEdge[];
  readonly channels: readonly ChannelEdge[];
  /** Capabilities that one protection domain gets of another. */
  readonly caps: readonly CapEdge[];
  /** What stands out; inversions first. */
  readonly marks: readonly Mark[];
}

export interface Scheduled {
  readonly id: string;
  readonly name: string;
  readonly priority: number;
  readonly budgetUs: number;
  readonly periodUs: number;
  readonly cpu: number;
}

export interface PdNode extends Scheduled {
  readonly programImage: string;
  readonly isPassive: boolean;
  readonly stackBytes: bigint;
  readonly maySmc: boolean;
  readonly hasFpu: boolean;
  readonly domain?: string;
  /** Node id of the parent, which handles this one's faults, and this one's id there. */
  readonly parent?: string;
  readonly childId?: number;
  readonly setvars: readonly { readonly symbol: string; readonly region: string }[];
}

export interface VmNode extends Scheduled {
  /** Node id of the protection domain that runs it. */
  readonly pd: string;
  readonly vcpus: readonly { readonly id: number; readonly cpu: number }[];
}

export interface RegionNode {
  readonly id: string;
  readonly name: string;
  readonly sizeBytes: bigint;
  /** Undefined where Microkit chooses it. */
  readonly paddr?: bigint;
  readonly pageBytes?: bigint;
  /** A fixed address that is mapped uncached somewhere: registers, as far as a description can tell. */
  readonly isDevice: boolean;
  /** The file or boot information that fills it. */
  readonly prefill?: string;
}

export interface IrqNode {
  readonly id: string;
  readonly pd: string;
  /** In the set that channels share. */
  readonly channelId: number;
  /** `33`, `ioapic 0 pin 4`, `msi 0:1f.2 handle 0`. */
  readonly source: string;
  readonly number?: number;
  readonly trigger: 'level' | 'edge' | 'msi';
}

export interface IoPortNode {
  readonly pd: string;
  readonly portId: number;
  readonly address: number;
  readonly size: number;
}

export interface IoSpaceNode {
  readonly id: string;
  readonly name: string;
  readonly peripheralId: string;
  readonly domainId?: number;
}

export interface MapEdge {
  /** Node id of a protection domain, a virtual machine or an I/O address space. */
  readonly owner: string;
  /** Of the protection domain that answers for it: itself, or the one that runs the machine; undefined for a device. */
  readonly pd?: string;
  readonly region: string;
  readonly address: bigint;
  readonly perms: Perms | 'w';
  readonly isCached: boolean;
}

export interface ChannelEdge {
  readonly id: string;
  readonly a: GraphEnd;
  readonly b: GraphEnd;
}

export interface GraphEnd {
  readonly pd: string;
  readonly channelId: number;
  /** This end may notify the other. */
  readonly mayNotify: boolean;
  /** This end may make protected calls to the other. */
  readonly mayCall: boolean;
}

export interface CapEdge {
  readonly pd: string;
  readonly kind: 'tcb' | 'sc' | 'vspace';
  readonly slot: number;
  readonly of: string;
}

/**
 * The graph of `system`. What hangs in the air (a channel to a protection domain that is not there) is left out: check/
 * names it. `name` is for titles.
 */
export function graphOf(system: SystemDescription, name: string): SystemGraph {
  const idOf = makeNaming();
  const pds = allPds(system.protectionDomains);
  const ids = new Map<object, string>();
  const idByName = new Map<string, string>();
  for (const pd of pds) {
    const id = idOf('pd', pd.name);
    ids.set(pd, id);
    if (!idByName.has(pd.name)) idByName.set(pd.name, id);
    if (pd.virtualMachine !== undefined) ids.set(pd.virtualMachine, idOf('vm', pd.virtualMachine.name));
  }
  const regions = allRegions(system, pds);
  for (const region of regions) ids.set(region, idOf('mr', region.name));
  for (const space of system.ioAddressSpaces ?? []) ids.set(space, idOf('io', space.name));
  const id = (node: object): string => ids.get(node) ?? '';

  const maps = [
    ...pds.flatMap((pd) => [
      ...pd.maps.map((map) => mapEdge(map, id(pd), id(pd), id(map.mr))),
      ...(pd.virtualMachine?.maps.map((map) =>
        mapEdge(map, id(pd.virtualMachine ?? pd), id(pd), id(map.mr)),
      ) ?? []),
    ]),
    ...(system.ioAddressSpaces ?? []).flatMap((space) =>
      space.maps.map(
        ({ mr, iovaddr, perms }): MapEdge => ({
          owner: id(space),
          region: id(mr),
          address: iovaddr,
          perms,
          isCached: true,
        }),
      ),
    ),
  ];
  const uncached = new Set(maps.filter(({ isCached }) => !isCached).map(({ region }) => region));
  const parents = new Map(pds.flatMap((pd) => pd.children.map((child) => [child, id(pd)] as const)));
  const graph = {
    name,
    arch: system.arch,
    pds: pds.map((pd) => pdNode(pd, id, parents.get(pd))),
    vms: pds.flatMap((pd) =>
      pd.virtualMachine === undefined ? [] : [vmNode(pd.virtualMachine, pd, id(pd.virtualMachine), id(pd))],
    ),
    regions: regions.map((region) => regionNode(region, id(region), uncached.has(id(region)))),
    irqs: pds.flatMap((pd) => pd.irqs.map((irq) => irqNode(irq, idOf('irq', describeIrq(irq)), id(pd)))),
    ioPorts: pds.flatMap((pd) =>
      (pd.ioPorts ?? []).map((port) => ({
        pd: id(pd),
        portId: port.id,
        address: port.addr,
        size: port.size,
      })),
    ),
    ioAddressSpaces: (system.ioAddressSpaces ?? []).map((space) => ({
      id: id(space),
      name: space.name,
      peripheralId: space.peripheralId,
      ...(space.domainId === undefined ? {} : { domainId: space.domainId }),
    })),
    maps,
    channels: system.channels.flatMap(({ a, b }, index) => {
      const [endA, endB] = [graphEnd(a, idByName), graphEnd(b, idByName)];
      return endA === undefined || endB === undefined ? [] : [{ id: `ch_${index}`, a: endA, b: endB }];
    }),
    caps: pds.flatMap((pd) =>
      (pd.cspace ?? []).flatMap(({ kind, slot, pd: other }) => {
        const of = idByName.get(other);
        return of === undefined ? [] : [{ pd: id(pd), kind, slot, of }];
      }),
    ),
  };
  return { ...graph, marks: findMarks(graph) };
}

/** Those of the system, and those that a map names and the system does not have. */
function allRegions(system: SystemDescription, pds: readonly ProtectionDomain[]): readonly MemoryRegion[] {
  const all = new Set(system.memoryRegions);
  for (const pd of pds) for (const { mr } of [...pd.maps, ...(pd.virtualMachine?.maps ?? [])]) all.add(mr);
  for (const { maps } of system.ioAddressSpaces ?? []) for (const { mr } of maps) all.add(mr);
  for (const pd of pds) for (const { regionPaddr } of pd.setvars) all.add(regionPaddr);
  return [...all];
}

const scheduled = (
  { name, priority, budget, period }: ProtectionDomain | VirtualMachine,
  id: string,
  cpu: number,
): Scheduled => {
  const budgetUs = budget ?? pdLimits.defaultBudgetUs;
  return { id, name, priority: priority ?? 0, budgetUs, periodUs: period ?? budgetUs, cpu };
};

const pdNode = (pd: ProtectionDomain, id: (node: object) => string, parent: string | undefined): PdNode => ({
  ...scheduled(pd, id(pd), pd.cpu ?? 0),
  programImage: pd.programImage,
  isPassive: pd.passive ?? false,
  stackBytes: pd.stackSize ?? pdLimits.defaultStackBytes,
  maySmc: pd.smc ?? false,
  hasFpu: pd.fpu ?? true,
  ...(pd.domain === undefined ? {} : { domain: pd.domain }),
  ...(parent === undefined ? {} : { parent }),
  ...(pd.childId === undefined ? {} : { childId: pd.childId }),
  setvars: pd.setvars.map(({ symbol, regionPaddr }) => ({ symbol, region: id(regionPaddr) })),
});

/** A virtual CPU runs where its protection domain does, unless it says otherwise. */
const vmNode = (vm: VirtualMachine, owner: ProtectionDomain, id: string, pd: string): VmNode => {
  const cpu = owner.cpu ?? 0;
  return {
    ...scheduled(vm, id, vm.vcpus[0]?.cpu ?? cpu),
    pd,
    vcpus: vm.vcpus.map((vcpu) => ({ id: vcpu.id, cpu: vcpu.cpu ?? cpu })),
  };
};

const regionNode = (region: MemoryRegion, id: string, isUncached: boolean): RegionNode => {
  const prefill = region.prefillPath ?? region.prefillBootinfo;
  return {
    id,
    name: region.name,
    sizeBytes: region.size,
    ...(region.paddr === undefined ? {} : { paddr: region.paddr }),
    ...(region.pageSize === undefined ? {} : { pageBytes: region.pageSize }),
    isDevice: region.paddr !== undefined && isUncached,
    ...(prefill === undefined ? {} : { prefill }),
  };
};

const irqNode = (irq: AnyIrq, id: string, pd: string): IrqNode => ({
  id,
  pd,
  channelId: irq.id,
  source: describeIrq(irq),
  ...('irq' in irq ? { number: irq.irq } : {}),
  trigger: 'pcidev' in irq ? 'msi' : (irq.trigger ?? 'level'),
});

function describeIrq(irq: AnyIrq): string {
  if ('irq' in irq) return String(irq.irq);
  if ('pin' in irq) return `ioapic ${irq.ioapic ?? 0} pin ${irq.pin} vector ${irq.vector}`;
  return `msi ${irq.pcidev} handle ${irq.handle} vector ${irq.vector}`;
}

const mapEdge = (map: Mapping, owner: string, pd: string, region: string): MapEdge => ({
  owner,
  pd,
  region,
  address: map.vaddr,
  perms: map.perms,
  isCached: map.cached ?? true,
});

function graphEnd(end: ChannelEnd, ids: ReadonlyMap<string, string>): GraphEnd | undefined {
  const pd = ids.get(end.pd);
  if (pd === undefined) return undefined;
  return { pd, channelId: end.id, mayNotify: end.notify ?? true, mayCall: end.pp ?? false };
}
