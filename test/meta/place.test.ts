// SPDX-License-Identifier: BSD-2-Clause
// A place is found late, and looks to everyone as if it had been there from the start.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { paddr, SystemBuilder } from '../../meta/index.ts';

const file = fileURLToPath(import.meta.url);
const lineOf = (text: string): number =>
  readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text) && !line.includes('lineOf')) + 1;

const sdf = new SystemBuilder({ arch: 'aarch64', paddrTop: paddr(0x6000_0000) });
const pd = sdf.addPd({ name: 'pd', programImage: 'pd.elf' }); // PD
const child = pd.addChild({ name: 'child', programImage: 'child.elf' }); // CHILD
const mr = sdf.addMr({ name: 'mr', size: 0x1000n }); // MR
pd.map(mr, { perms: 'r' }); // MAP
pd.addIrq({ irq: 40 }); // IRQ
child.setVirtualMachine({ name: 'vm', vcpus: [{ id: 0 }] }).map(mr, { perms: 'r', vaddr: 0n }); // VM
sdf.addChannel({ a: { pd }, b: { pd: child } }); // CHANNEL
const { memoryRegions, protectionDomains, channels } = sdf.describe();
const [described] = protectionDomains;
const made = {
  PD: described?.place,
  CHILD: described?.children[0]?.place,
  MR: memoryRegions[0]?.place,
  MAP: described?.maps[0]?.place,
  IRQ: described?.irqs[0]?.place,
  VM: described?.children[0]?.virtualMachine?.place,
  CHANNEL: channels[0]?.place,
};

test.each(Object.entries(made))('%s is found at the line of the caller', (name, place) => {
  expect(place?.file).toBe(file);
  expect(place?.line).toBe(lineOf(`; // ${name}`));
  expect(place?.column).toBeGreaterThan(0);
});

test('it compares, copies and prints as a plain object does', () => {
  const plain = { file, line: lineOf('; // MR'), column: made.MR?.column };
  expect(made.MR).toEqual(plain);
  expect({ ...made.MR }).toStrictEqual(plain);
  expect(JSON.parse(JSON.stringify(made.MR))).toEqual(plain);
  expect(structuredClone(made.MR)).toEqual(plain);
  expect(Object.keys(made.MR ?? {})).toEqual(['file', 'line', 'column']);
});

test('a caller that lies deeper below the library is found too', () => {
  pd.addIrq({ irq: 41, id: 0 }); // TAKEN
  expect(sdf.findings.at(-1)?.code).toBe('SDF103');
  expect(sdf.findings.at(-1)?.place).toEqual({ file, line: lineOf('; // TAKEN'), column: 6 });
});

test('what the process says of stacks stays as it was', () => {
  const saved = (): unknown[] =>
    ['stackTraceLimit', 'prepareStackTrace'].map((name) => Reflect.get(Error, name));
  const before = saved();
  sdf.addMr({ name: 'another', size: 0x1000n });
  expect(saved()).toEqual(before);
});
