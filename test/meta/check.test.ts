// SPDX-License-Identifier: BSD-2-Clause
// One rule, one smallest wrong system, one exact text. Several faults at once are all reported.

import { describe, expect, test } from 'vitest';
import {
  checkSystem,
  type Diagnostic,
  paddr,
  type PdBuilder,
  Refusal,
  SystemBuilder,
} from '../../meta/index.ts';
import { targetOf } from '../../meta/check/target.ts';
import { rules } from './check-rules.ts';

describe('rules', () => {
  test.each(rules)('%s %s', (code, message, wrong) => {
    const sdf = builder();
    wrong(sdf, ...twoPds(sdf));
    const [finding, ...more] = refusedBy(sdf);
    expect(more.map((diagnostic) => diagnostic.message)).toEqual([]);
    expect(finding).toMatchObject({ code, severity: 'error', message });
    expect(finding?.hint).toMatch(/^[a-z]/);
  });
});

test('SDF501 a system without protection domains', () => {
  expect(refusedBy(builder()).map(({ code }) => code)).toEqual(['SDF501']);
});

test('SDF401 and SDF511, SDF405 are for values that no builder makes', () => {
  const sdf = builder();
  const [a, b] = twoPds(sdf);
  sdf.addChannel({ a: { pd: a }, b: { pd: b } });
  const { channels, protectionDomains, ...rest } = sdf.describe();
  const [channel] = channels;
  const [pdA] = protectionDomains;
  if (channel === undefined || pdA === undefined) throw new Error('they were made');
  const findings = checkSystem({
    ...rest,
    channels: [channel, channel, { ...channel, b: { pd: 'c', id: 99 } }],
    protectionDomains: [
      ...protectionDomains,
      { ...pdA, name: 'parent', children: ['x', 'y'].map((name) => ({ ...pdA, name, childId: 4 })) },
    ],
  });
  expect(findings.map(({ code, message }) => `${code} ${message}`)).toEqual([
    "SDF511 duplicate id: 4 in protection domain: 'parent' (used by 'x' and 'y')",
    "SDF401 invalid PD name 'c' on element 'end' (of a channel)",
    "SDF405 duplicate channel id: 0 in protection domain: 'a' (used by the channel to 'b' and the channel to 'b')",
    "SDF405 duplicate channel id: 0 in protection domain: 'b' (used by the channel to 'a' and the channel to 'a')",
    "SDF405 duplicate channel id: 0 in protection domain: 'a' (used by the channel to 'b' and the channel to 'c')",
    "SDF406 id must be < 62 on element 'end' (99 for the channel to 'a' of 'c')",
  ]);
});

test('SDF607 only Arm VMs have a priority', () => {
  const sdf = new SystemBuilder({ arch: 'x86_64', paddrTop: paddr(0x6000_0000) });
  const [a] = twoPds(sdf);
  a.setVirtualMachine({ name: 'v', vcpus: [{ id: 0 }], priority: 1 });
  expect(refusedBy(sdf).map(({ code }) => code)).toEqual(['SDF607']);
});

test('everything at once, with the line that made it', () => {
  const sdf = builder();
  const [a] = twoPds(sdf);
  a.map(sdf.addMr({ name: 'm', size: 0x1001n }), { perms: 'rw' });
  sdf.addPd({ name: 'a', programImage: '', priority: 999 });
  const findings = refusedBy(sdf);
  expect(findings.map(({ code }) => code)).toEqual(['SDF503', 'SDF506', 'SDF510', 'SDF204']);
  for (const { place } of findings) {
    expect(place?.file).toBe(new URL(import.meta.url).pathname);
    expect(place?.line).toBeGreaterThan(50);
  }
});

test('an unused region is a warning', () => {
  const sdf = builder();
  twoPds(sdf);
  sdf.addMr({ name: 'm', size: 0x1000n });
  expect(sdf.build().warnings.map(({ code, message }) => `${code} ${message}`)).toEqual([
    "SDF211 unused memory region 'm'",
  ]);
});

test('build can be called again and sees what was added since', () => {
  const sdf = builder();
  twoPds(sdf);
  const first = sdf.build().system;
  sdf.addPd({ name: 'c', programImage: 'c.elf' });
  expect(first.protectionDomains.length).toBe(2);
  expect(sdf.build().system.protectionDomains.length).toBe(3);
});

function builder(): SystemBuilder {
  return new SystemBuilder({
    arch: 'aarch64',
    paddrTop: paddr(0x6000_0000),
    paddrBottom: paddr(0x4000_0000),
  });
}

function twoPds(sdf: SystemBuilder): [PdBuilder, PdBuilder] {
  return [
    sdf.addPd({ name: 'a', programImage: 'a.elf', priority: 2 }),
    sdf.addPd({ name: 'b', programImage: 'b.elf', priority: 1 }),
  ];
}

/** The errors. */
function refusedBy(sdf: SystemBuilder): readonly Diagnostic[] {
  try {
    sdf.build();
  } catch (error) {
    if (error instanceof Refusal) return error.diagnostics.filter(({ severity }) => severity === 'error');
    throw error;
  }
  return [];
}

test('SDF214 is about devices, not about RAM that the kernel does not manage', () => {
  const codesAt = (address: bigint): string[] => {
    const sdf = builder();
    const [a] = twoPds(sdf);
    a.map(sdf.addMr({ name: 'm', size: 0x1000n, paddr: address }), { perms: 'rw' });
    const range = (start: bigint, end: bigint): { start: bigint; end: bigint } => ({ start, end });
    return checkSystem(sdf.describe(), {
      ...targetOf('aarch64'),
      memory: [range(0x6000_0000n, 0x8000_0000n)],
      devices: [range(0n, 0x6000_0000n)],
      ram: [range(0x4000_0000n, 0x8000_0000n)],
    }).map(({ code }) => code);
  };
  expect(codesAt(0x900_0000n)).toEqual(['SDF214']);
  expect(codesAt(0x4800_0000n)).toEqual([]);
  expect(codesAt(0x6000_0000n)).toEqual([]);
  expect(codesAt(0x9000_0000n)).toEqual(['SDF213']);
});
