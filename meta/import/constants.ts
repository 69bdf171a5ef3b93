// SPDX-License-Identifier: BSD-2-Clause
// Which parts of a system become constants of the imported file: those that are spoken of again. The others are
// described and left.

import {
  allPds,
  type IoAddressSpace,
  type MemoryRegion,
  type ProtectionDomain,
  type SystemDescription,
  type VirtualMachine,
} from '../model.ts';
import { makeNameGiver } from './names.ts';

/** Names of constants, for what is spoken of again. */
export interface Constants {
  readonly regions: ReadonlyMap<MemoryRegion, string>;
  readonly pds: ReadonlyMap<ProtectionDomain, string>;
  readonly pdsByName: ReadonlyMap<string, string>;
  readonly vms: ReadonlyMap<VirtualMachine, string>;
  readonly spaces: ReadonlyMap<IoAddressSpace, string>;
}

export function nameConstants(system: SystemDescription): Constants {
  const giver = makeNameGiver();
  const all = allPds(system.protectionDomains);
  const spokenOf = new Set([
    ...system.channels.flatMap(({ a, b }) => [a.pd, b.pd]),
    ...all.flatMap(({ cspace = [] }) => cspace.map(({ pd }) => pd)),
  ]);
  const pds = new Map<ProtectionDomain, string>();
  const vms = new Map<VirtualMachine, string>();
  for (const pd of all) if (spokenOf.has(pd.name) || hasContent(pd)) pds.set(pd, giver.give(pd.name, 'Pd'));
  for (const { virtualMachine: vm } of all)
    if (vm !== undefined && vm.maps.length > 0) vms.set(vm, giver.give(vm.name, 'Vm'));
  const used = new Set<MemoryRegion>([
    ...all.flatMap(({ maps, virtualMachine, setvars }) => [
      ...[...maps, ...(virtualMachine?.maps ?? [])].map(({ mr }) => mr),
      ...setvars.map(({ regionPaddr }) => regionPaddr),
    ]),
    ...(system.ioAddressSpaces ?? []).flatMap(({ maps }) => maps.map(({ mr }) => mr)),
  ]);
  const regions = new Map(
    system.memoryRegions.filter((mr) => used.has(mr)).map((mr) => [mr, giver.give(mr.name, 'Mr')]),
  );
  const spaces = new Map(
    (system.ioAddressSpaces ?? [])
      .filter(({ maps }) => maps.length > 0)
      .map((space) => [space, giver.give(space.name, 'Space')]),
  );
  const pdsByName = new Map([...pds].map(([pd, name]) => [pd.name, name]));
  return { regions, pds, pdsByName, vms, spaces };
}

const hasContent = (pd: ProtectionDomain): boolean =>
  pd.maps.length + pd.irqs.length + pd.setvars.length + pd.children.length + (pd.ioPorts ?? []).length > 0 ||
  (pd.cspace ?? []).length > 0 ||
  pd.virtualMachine !== undefined;

export function known<Key>(names: ReadonlyMap<Key, string>, key: Key): string {
  const name = names.get(key);
  if (name === undefined) throw new RangeError('a description without errors names what is there');
  return name;
}
