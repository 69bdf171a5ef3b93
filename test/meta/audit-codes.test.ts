// SPDX-License-Identifier: BSD-2-Clause
// One code, one smallest thing that is wrong, without an SDK; and what only riscv64 and x86_64 have.
import { describe, expect, test } from 'vitest';
import { auditSystem } from '../../meta/audit/audit.ts';
import type { ExpectOptions } from '../../meta/audit/expect.ts';
import { parseJson } from '../../meta/audit/json.ts';
import { checkCapdlSize, parseCapdl, readCapdl } from '../../meta/audit/parse.ts';
import { parsePolicies } from '../../meta/audit/parse-policies.ts';
import { noPath } from '../../meta/audit/policy.ts';
import { parseProgram } from '../../meta/audit/program.ts';
import { Refusal } from '../../meta/diagnostic.ts';
import { paddr } from '../../meta/units.ts';
import { additions, changes, type Mutant, removals, type Spec } from './audit-mutants.ts';
import { domainSystem, map, pd, region, smallSystem, system } from './audit-systems.ts';
import { printCapdl, writeCapdl } from './capdl-writer.ts';

const program = {
  entry: 0x20_0000n,
  segments: [
    { vaddr: 0x20_0000n, sizeBytes: 0x1800n, isReadable: true, isWritable: false, isExecutable: true },
    { vaddr: 0x20_2000n, sizeBytes: 0x10n, isReadable: true, isWritable: true, isExecutable: false },
  ],
};
const programs = new Map(['a', 'b', 'monitor'].map((name) => [name, program]));
const options: ExpectOptions = { programs };
const good = writeCapdl(smallSystem, options);

function codesOf(spec: unknown, of = smallSystem, with_: ExpectOptions = options): string[] {
  try {
    return auditSystem(of, readCapdl(spec, 'a.json'), with_).findings.map(({ code }) => code);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.diagnostics.map(({ code }) => code);
  }
}

/** What is refused, as `code message`. */
function refused(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof Refusal) return error.diagnostics.map((d) => `${d.code} ${d.message}`).join('\n');
    throw error;
  }
  return '';
}

/** And what is said of it. */
const damaged: readonly (readonly [string, string])[] = [
  ['', 'the end of the file is no value'],
  ['{"a": 1, "a": 2}', "'a' stands twice"],
  ['{"__proto__": 1}', "a name is '__proto__'"],
  ['[1.5]', 'a number is no integer'],
  ['[1e3]', 'a number is no integer'],
  ['[01]', 'a number begins with 0'],
  ['[-]', 'is no value'],
  [`[${'9'.repeat(21)}]`, 'a number of 21 digits'],
  [`["${'x'.repeat(5000)}"]`, 'a string of more than 4096 characters'],
  ['["\\x"]', 'a string has a wrong escape'],
  ['["a\nb"]', 'a string has no end'],
  ['["a', 'a string has no end'],
  ['['.repeat(100_000), 'it is nested more than 32 deep'],
  ['[1,]', 'is no value'],
  ['[1] 2', 'follows its end'],
  ['nul', 'is no value'],
  ['{1: 2}', 'stands where'],
];

describe('what cannot be read', () => {
  test.each(damaged.map(([text, words]) => [words, text] as const))('AUD101 %s', (words, text) => {
    expect(refused(() => parseJson(text, 'a.json'))).toMatch(/^AUD101 'a.json' is no JSON/);
    expect(refused(() => parseJson(text, 'a.json'))).toContain(words);
  });

  test('a number keeps its 64 bits', () => {
    expect(parseJson('[9223372036854775809, -1, 0, 999999999999999, "\\u0041"]', 'a.json')).toEqual([
      9223372036854775809n,
      -1,
      0,
      999_999_999_999_999,
      'A',
    ]);
    expect(refused(() => checkCapdlSize(2 ** 40, 'a.json'))).toContain('AUD101');
  });

  test('AUD102 what no capDL has', () => {
    for (const [spec, words] of [
      [[], 'the whole'],
      [{}, 'objects'],
      [{ ...good, more: 1 }, 'more'],
      [{ ...good, objects: [{ name: 'x', object: 'Unknown' }] }, "unknown kind of object 'Unknown'"],
      [{ ...good, objects: [{ name: 'x', object: { toString: {} } }] }, "unknown kind of object 'toString'"],
      [{ ...good, objects: [{ name: 'x', object: { CNode: {}, Tcb: {} } }] }, 'unknown kind of object'],
      [{ ...good, asid_slots: [3] }, 'ASID pools'],
      [{ ...good, irqs: [{ irq: -1, handler: 0 }] }, 'irqs[0].irq'],
      [{ ...good, irqs: [{ irq: 2n ** 64n, handler: 0 }] }, 'irqs[0].irq'],
      [{ ...good, domain_schedule: [{ domain: 0, duration: 'Never' }] }, "unknown kind of duration 'Never'"],
    ] as const) {
      const text = refused(() => readCapdl(spec, 'a.json'));
      expect(text).toContain('AUD102');
      expect(text).toContain(words);
    }
  });

  test('AUD103 what contradicts itself', () => {
    const [first, ...others] = good.objects;
    const twoFrames = [0x1000, 0x1000].map((address, i) => ({
      name: `f${i}`,
      object: { Frame: { size_bits: 12, paddr: address, init: { entries: [] } } },
    }));
    const tcb = (cap: object, slot = 0) => ({
      name: 'c',
      object: { CNode: { size_bits: 2, slots: [{ slot, cap }] } },
    });
    const whole = (objects: readonly object[]) => ({
      ...good,
      irqs: [],
      objects,
      root_objects: { start: 0, end: objects.length },
    });
    for (const [spec, words] of [
      [{ ...good, root_objects: { start: 0, end: 7 } }, 'its objects are 0 to 7'],
      [whole([first ?? {}, ...others, first ?? {}]), 'two objects are called'],
      [whole(twoFrames), "'f0' and 'f1' are the same memory from 0x1000"],
      [whole([tcb({ Tcb: { object: 9 } })]), 'is to object 9, and there are 1'],
      [whole([tcb({ Tcb: { object: 0 } })]), "is a Tcb capability to 'c', which is a CNode"],
      [whole([tcb({ CNode: { object: 0, guard: 0, guard_size: 0 } }, 4)]), 'lies beyond its 4 slots'],
      [{ ...good, irqs: [{ irq: 1, handler: 0 }] }, 'which is no interrupt'],
    ] as const) {
      const text = refused(() => readCapdl(spec, 'a.json'));
      expect(text).toContain('AUD103');
      expect(text).toContain(words);
    }
  });

  test('AUD104 a program that is none', () => {
    expect(refused(() => parseProgram(Buffer.from('#!/bin/sh'), 'a.elf'))).toContain('AUD104');
    const header = Buffer.alloc(64);
    header.write('\x7fELF\x02\x01', 'latin1');
    header.writeUInt16LE(56, 54);
    header.writeUInt16LE(3, 56);
    expect(refused(() => parseProgram(header, 'a.elf'))).toContain('reaches beyond its end');
  });

  test('AUD305 a policy that is none', () => {
    expect(parsePolicies([noPath('a', 'b')], 'a.ts')).toHaveLength(1);
    expect(refused(() => parsePolicies([noPath('a', 'b'), { kind: 'no' }, 3], 'a.ts'))).toMatch(
      /^AUD305 policy 2 of 'a.ts' is none: .*\nAUD305 policy 3/,
    );
  });
});

describe('what differs', () => {
  test('nothing in what the writer makes, also as text', () => {
    expect(codesOf(good)).toEqual([]);
    const capdl = parseCapdl(printCapdl(good), 'a.json');
    const { counts, findings } = auditSystem(smallSystem, capdl, options);
    expect(findings).toEqual([]);
    expect(counts.capabilitiesExplained).toBe(counts.capabilities);
  });

  test.each([
    ['AUD201', additions(good), 'Endpoint to ep_fault_monitor in slot 0 of cnode_a'],
    ['AUD202', additions(good), 'a new Untyped'],
    ['AUD203', changes(good), 'slot 3 of cnode_a: to '],
    ['AUD204', changes(good), 'slot 13 of cnode_a: badge 33'],
    ['AUD205', changes(good), 'tcb_a: extra.prio 2'],
    ['AUD206', removals(good), 'slot 13 of cnode_a emptied'],
    ['AUD208', changes(good), 'table_1_a_vspace_0: level 3'],
    ['AUD209', changes(good), 'frame_elf_a_000000000: init.entries emptied'],
  ] as const)('%s alone', (code, mutants, name) => {
    const all = [...mutants];
    const mutant = all.find(({ what }) => what.startsWith(name));
    expect(
      mutant,
      all
        .slice(0, 400)
        .map(({ what }) => what)
        .join('\n'),
    ).toBeDefined();
    expect([...new Set(codesOf(mutant?.spec))]).toEqual([code]);
  });

  test('AUD207 a thread, or everything', () => {
    const named = (spec: Spec, from: string, to: string): Spec => ({
      ...spec,
      objects: spec.objects.map((o) => (o.name === from ? { ...o, name: to } : o)),
    });
    // Under another name it is found by the capabilities that lead to it.
    expect(codesOf(named(good, 'tcb_a', 'thread of a'))).toEqual([]);
    expect(codesOf(named(good, 'tcb_monitor', 'nobody'))).toEqual(['AUD207']);
    const more = system([...smallSystem.protectionDomains, pd('c')], { channels: smallSystem.channels });
    expect(codesOf(good, more)).toContain('AUD207');
  });

  test('AUD210, AUD211 and AUD212', () => {
    const interrupts = system([pd('a', { irqs: [{ irq: 40, id: 1 }] })]);
    const spec = writeCapdl(interrupts, options);
    expect(codesOf({ ...spec, irqs: [] }, interrupts)).toEqual(['AUD210']);
    expect(
      codesOf({ ...spec, irqs: spec.irqs.map(({ handler }) => ({ irq: 41, handler })) }, interrupts),
    ).toEqual(['AUD210']);
    expect(codesOf({ ...good, domain_set_start: 3 })).toEqual(['AUD211']);
    const scheduled = writeCapdl(domainSystem, options);
    expect(codesOf(scheduled, domainSystem)).toEqual([]);
    expect(codesOf({ ...scheduled, domain_schedule: null }, domainSystem)).toEqual(['AUD211']);
    const many = Array.from({ length: 2500 }, (_, i) => ({ name: `new ${i}`, object: 'Reply' }));
    const objects = [...good.objects, ...many];
    const codes = codesOf({ ...good, objects, root_objects: { start: 0, end: objects.length } });
    expect(codes).toHaveLength(2001);
    expect(codes.at(-1)).toBe('AUD212');
  });
});

// ---- other architectures -------------------------------------------------------------------------------------------

const pc = {
  ...system(
    [
      pd('a', {
        maps: [map(region('ring', 0x2000n), 0x1_0000_0000n)],
        irqs: [
          { id: 0, pin: 4, vector: 9, trigger: 'edge', polarity: 'low' },
          { id: 1, pcidev: '0:1f.3', handle: 2, vector: 10 },
        ],
        ioPorts: [{ id: 5, addr: 0x3f8, size: 8 }],
        virtualMachine: { name: 'v', vcpus: [{ id: 0 }], maps: [map(region('ram', 0x40_0000n), 0n, 'rwx')] },
      }),
    ],
    { memoryRegions: [] },
  ),
  arch: 'x86_64' as const,
};
const [ring] = pc.memoryRegions;
const pcWithIommu = {
  ...pc,
  ioAddressSpaces:
    ring === undefined
      ? []
      : [
          {
            name: 'nic',
            peripheralId: '2:3.1',
            domainId: 7,
            maps: [{ mr: ring, iovaddr: 0x7f_0000_0000n, perms: 'w' as const }],
          },
        ],
};
const risc = {
  ...system([
    pd('a', {
      irqs: [{ irq: 3, id: 2, trigger: 'edge' }],
      maps: [map(region('uart', 0x1000n, { paddr: paddr(0x1000_0000) }), 0x3000_0000n)],
    }),
  ]),
  arch: 'riscv64' as const,
};

describe.each([
  ['x86_64', pcWithIommu],
  ['riscv64', risc],
  ['aarch64', system([...smallSystem.protectionDomains], { channels: smallSystem.channels })],
] as const)('%s, as its sources say', (_name, described) => {
  const spec = writeCapdl(described, options);

  test('is explained', () => {
    const { findings, counts } = auditSystem(described, readCapdl(spec, 'a.json'), options);
    expect(findings.map(({ message }) => message)).toEqual([]);
    expect(counts.capabilitiesExplained).toBe(counts.capabilities);
  });

  test.each([
    ['added', additions],
    ['taken away', removals],
    ['changed', changes],
  ] as const)('what is %s is found', (_what, make: (spec: Spec) => Iterable<Mutant>) => {
    const missed: string[] = [];
    for (const { what, spec: mutant } of make(spec))
      if (codesOf(mutant, described).length === 0) missed.push(what);
    expect(missed).toEqual([]);
  });
});
