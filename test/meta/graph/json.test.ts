// SPDX-License-Identifier: BSD-2-Clause
// The JSON of a graph has one shape, and in it every id and address that the description has.

import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { markKinds } from '../../../meta/graph/marks.ts';
import { graphToJson } from '../../../meta/graph/render-json.ts';
import { graphOf } from '../../../meta/graph/system-graph.ts';
import { allPds, hex, type SystemDescription } from '../../../meta/index.ts';
import { describeForBoard } from '../vsock-fixture.ts';
import { hostileNames, systemWithNames } from './systems.ts';

const number = z.int().nonnegative();
const address = z.string().regex(/^0x[0-9a-f]{1,16}$/);
const node = z.string().regex(/^(pd|vm|mr|io|ch)_\w*$/);
const end = z.strictObject({ protectionDomain: node, id: number, notify: z.boolean(), pp: z.boolean() });
const scheduled = { node, name: z.string(), priority: number, budgetUs: number, periodUs: number };

const schema = z.strictObject({
  version: z.literal(1),
  system: z.string(),
  arch: z.enum(['aarch64', 'riscv64', 'x86_64']),
  protectionDomains: z.array(
    z.strictObject({
      ...scheduled,
      parent: node.nullable(),
      childId: number.nullable(),
      passive: z.boolean(),
      cpu: number,
      domain: z.string().nullable(),
      fpu: z.boolean(),
      smc: z.boolean(),
      stackSize: address,
      programImage: z.string(),
      setvars: z.array(z.strictObject({ symbol: z.string(), regionPaddr: node })),
    }),
  ),
  virtualMachines: z.array(
    z.strictObject({
      ...scheduled,
      protectionDomain: node,
      vcpus: z.array(z.strictObject({ id: number, cpu: number })),
    }),
  ),
  memoryRegions: z.array(
    z.strictObject({
      node,
      name: z.string(),
      size: address,
      physicalAddress: address.nullable(),
      pageSize: address.nullable(),
      device: z.boolean(),
      prefill: z.string().nullable(),
      maps: z.array(
        z.strictObject({ owner: node, address, perms: z.string().regex(/^r?w?x?$/), cached: z.boolean() }),
      ),
    }),
  ),
  irqs: z.array(
    z.strictObject({
      protectionDomain: node,
      id: number,
      irq: number.nullable(),
      source: z.string(),
      trigger: z.enum(['level', 'edge', 'msi']),
    }),
  ),
  ioPorts: z.array(z.strictObject({ protectionDomain: node, id: number, address, size: number })),
  ioAddressSpaces: z.array(
    z.strictObject({ node, name: z.string(), peripheralId: z.string(), domainId: number.nullable() }),
  ),
  channels: z.array(z.strictObject({ node, a: end, b: end })),
  capabilities: z.array(
    z.strictObject({ protectionDomain: node, kind: z.enum(['tcb', 'sc', 'vspace']), slot: number, of: node }),
  ),
  marks: z.array(
    z.strictObject({
      kind: z.enum(markKinds),
      message: z.string(),
      nodes: z.array(node),
      memoryRegions: z.array(node),
      channels: z.array(node),
    }),
  ),
});

const jsonOf = (system: SystemDescription): z.infer<typeof schema> =>
  schema.parse(JSON.parse(JSON.stringify(graphToJson(graphOf(system, 'test')))));

describe('the shipped system', () => {
  test('has every id and address of its description', async () => {
    const { system } = await describeForBoard('odroidc4', 3);
    const json = jsonOf(system);
    const name = new Map(
      [...json.protectionDomains, ...json.virtualMachines, ...json.memoryRegions].map((each) => [
        each.node,
        each.name,
      ]),
    );
    const maps = json.memoryRegions.flatMap((region) =>
      region.maps.map((map) => `${name.get(map.owner) ?? ''} ${region.name} ${map.address} ${map.perms}`),
    );
    const wanted = allPds(system.protectionDomains).flatMap((pd) =>
      [pd, ...(pd.virtualMachine === undefined ? [] : [pd.virtualMachine])].flatMap((owner) =>
        owner.maps.map((map) => `${owner.name} ${map.mr.name} ${hex(map.vaddr)} ${map.perms}`),
      ),
    );
    expect(maps.toSorted()).toEqual(wanted.toSorted());
    expect(
      json.channels.map(({ a, b }) => [
        name.get(a.protectionDomain),
        a.id,
        name.get(b.protectionDomain),
        b.id,
      ]),
    ).toEqual(system.channels.map(({ a, b }) => [a.pd, a.id, b.pd, b.id]));
    expect(json.memoryRegions.map(({ physicalAddress }) => physicalAddress)).toEqual(
      system.memoryRegions.map(({ paddr }) => (paddr === undefined ? null : hex(paddr))),
    );
    expect(json.irqs.map(({ irq }) => irq)).toEqual(
      allPds(system.protectionDomains).flatMap(({ irqs }) =>
        irqs.map((irq) => ('irq' in irq ? irq.irq : null)),
      ),
    );
    expect(json.protectionDomains.find((pd) => pd.name === 'timer_driver')).toMatchObject({
      priority: 254,
      passive: true,
      budgetUs: 1000,
      stackSize: '0x2000',
      parent: null,
    });
  });
});

test('names are whole, and nodes have ids of their own', () => {
  const json = jsonOf(systemWithNames([...hostileNames, ...hostileNames]));
  expect(json.protectionDomains.map(({ name }) => name)).toEqual([...hostileNames, ...hostileNames]);
  const nodes = [
    ...json.protectionDomains,
    ...json.virtualMachines,
    ...json.memoryRegions,
    ...json.channels,
  ].map((each) => each.node);
  expect(new Set(nodes).size).toBe(nodes.length);
});
