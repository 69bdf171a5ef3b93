// SPDX-License-Identifier: BSD-2-Clause
// The graph as JSON for programs: every id and address, after placement, whatever a picture leaves out. Numbers of 64
// bits are strings of hexadecimal digits, since JSON's readers round them. `version` changes if a reader would notice.

import { hex } from '../units.ts';
import type { Mark } from './marks.ts';
import type {
  ChannelEdge,
  IoSpaceNode,
  IrqNode,
  MapEdge,
  PdNode,
  RegionNode,
  SystemGraph,
  VmNode,
} from './system-graph.ts';

/** For `JSON.stringify`; holds plain strings, numbers, booleans, arrays and objects only. */
export function graphToJson(graph: SystemGraph): Readonly<Record<string, unknown>> {
  const uses = new Map<string, MapEdge[]>(graph.regions.map(({ id }) => [id, []]));
  for (const map of graph.maps) uses.get(map.region)?.push(map);
  return {
    version: 1,
    system: graph.name,
    arch: graph.arch,
    protectionDomains: graph.pds.map(pdJson),
    virtualMachines: graph.vms.map(vmJson),
    memoryRegions: graph.regions.map((region) => regionJson(region, uses.get(region.id) ?? [])),
    irqs: graph.irqs.map(irqJson),
    ioPorts: graph.ioPorts.map(({ pd, portId, address, size }) => ({
      protectionDomain: pd,
      id: portId,
      address: hex(address),
      size,
    })),
    ioAddressSpaces: graph.ioAddressSpaces.map(spaceJson),
    channels: graph.channels.map(channelJson),
    capabilities: graph.caps.map(({ pd, kind, slot, of }) => ({ protectionDomain: pd, kind, slot, of })),
    marks: graph.marks.map(markJson),
  };
}

const orNull = (value: bigint | undefined): string | null => (value === undefined ? null : hex(value));

const pdJson = (pd: PdNode): Readonly<Record<string, unknown>> => ({
  node: pd.id,
  name: pd.name,
  parent: pd.parent ?? null,
  childId: pd.childId ?? null,
  priority: pd.priority,
  budgetUs: pd.budgetUs,
  periodUs: pd.periodUs,
  passive: pd.isPassive,
  cpu: pd.cpu,
  domain: pd.domain ?? null,
  fpu: pd.hasFpu,
  smc: pd.maySmc,
  stackSize: hex(pd.stackBytes),
  programImage: pd.programImage,
  setvars: pd.setvars.map(({ symbol, region }) => ({ symbol, regionPaddr: region })),
});

const vmJson = (vm: VmNode): Readonly<Record<string, unknown>> => ({
  node: vm.id,
  name: vm.name,
  protectionDomain: vm.pd,
  priority: vm.priority,
  budgetUs: vm.budgetUs,
  periodUs: vm.periodUs,
  vcpus: vm.vcpus.map(({ id, cpu }) => ({ id, cpu })),
});

/** `physicalAddress` is null where Microkit chooses it. */
const regionJson = (region: RegionNode, maps: readonly MapEdge[]): Readonly<Record<string, unknown>> => ({
  node: region.id,
  name: region.name,
  size: hex(region.sizeBytes),
  physicalAddress: orNull(region.paddr),
  pageSize: orNull(region.pageBytes),
  device: region.isDevice,
  prefill: region.prefill ?? null,
  maps: maps.map(({ owner, address, perms, isCached }) => ({
    owner,
    address: hex(address),
    perms,
    cached: isCached,
  })),
});

const irqJson = (irq: IrqNode): Readonly<Record<string, unknown>> => ({
  protectionDomain: irq.pd,
  id: irq.channelId,
  irq: irq.number ?? null,
  source: irq.source,
  trigger: irq.trigger,
});

const spaceJson = ({ id, name, peripheralId, domainId }: IoSpaceNode): Readonly<Record<string, unknown>> => ({
  node: id,
  name,
  peripheralId,
  domainId: domainId ?? null,
});

const channelJson = ({ id, a, b }: ChannelEdge): Readonly<Record<string, unknown>> => {
  const [first, second] = [a, b].map(({ pd, channelId, mayNotify, mayCall }) => ({
    protectionDomain: pd,
    id: channelId,
    notify: mayNotify,
    pp: mayCall,
  }));
  return { node: id, a: first, b: second };
};

const markJson = ({ kind, message, nodes, regions, channels }: Mark): Readonly<Record<string, unknown>> => ({
  kind,
  message,
  nodes,
  memoryRegions: regions,
  channels,
});
