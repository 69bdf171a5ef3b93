// SPDX-License-Identifier: BSD-2-Clause
// Device trees of guests and boards that say something that cannot be: one change to a good tree, one code.

import { expect, test } from 'vitest';
import {
  addressesOf,
  findNode,
  guestLayoutFromTree,
  interruptsOf,
  parseFdt,
  Refusal,
} from '../../meta/index.ts';
import { guestTree, strings, words, writeFdt, type WrittenNode } from './fdt-writer.ts';

/** The guest's tree with other properties at one node; undefined takes the property away. */
function changed(path: string, change: Readonly<Record<string, Uint8Array | undefined>>): WrittenNode {
  const apply = (node: WrittenNode, names: readonly string[]): WrittenNode => {
    const [name, ...deeper] = names;
    if (name !== undefined)
      return {
        ...node,
        children: node.children.map((child) => (child.name === name ? apply(child, deeper) : child)),
      };
    const kept = node.properties.filter(([property]) => !(property in change));
    const added = Object.entries(change).flatMap(([property, value]) =>
      value === undefined ? [] : [[property, value] as const],
    );
    return { ...node, properties: [...kept, ...added] };
  };
  return apply(guestTree, path.split('/').filter(Boolean));
}

const paths = { console: 'bus@100000/console@30000', vsock: 'bus@100000/socket@40000' };
const layoutOf = (root: WrittenNode): unknown =>
  guestLayoutFromTree(parseFdt(writeFdt(root), 'x.dtb'), paths);
const withoutNode = (name: string): WrittenNode => ({
  ...guestTree,
  children: guestTree.children.filter((child) => child.name !== name),
});
const console = paths.console;

test('the tree is good before it is changed', () => {
  expect(layoutOf(guestTree)).toMatchObject({ cpu: 'arm,cortex-a53' });
});

test.each<[string, () => unknown]>([
  ['FDT203', () => layoutOf(changed('chosen', { 'linux,initrd-end': words(1, 2, 3) }))],
  [
    'FDT210',
    () => {
      const tree = parseFdt(writeFdt({ name: '', properties: [['reg', words(1)]], children: [] }), 'x.dtb');
      return addressesOf({ tree, node: tree.root });
    },
  ],
  ['FDT214', () => layoutOf(changed('bus@100000', { ranges: words(0, 0, 0x10_0000) }))],
  ['FDT215', () => layoutOf(changed('bus@100000', { ranges: words(0, 0, 0x10_0000, 0x1000) }))],
  ['FDT221', () => layoutOf(changed(console, { interrupts: words(0, 42) }))],
  ['FDT222', () => interruptsOf(findNode(parseFdt(writeFdt(guestTree), 'x.dtb'), console), 'riscv64')],
  ['FDT223', () => layoutOf(changed(console, { interrupts: words(2, 42, 4) }))],
  ['FDT224', () => layoutOf(changed(console, { interrupts: words(0, 988, 4) }))],
  ['FDT225', () => layoutOf(changed(console, { interrupts: words(0, 42, 3) }))],
  ['GST202', () => layoutOf(changed('chosen', { 'linux,initrd-end': undefined }))],
  ['GST203', () => layoutOf(changed(console, { interrupts: words(0, 42, 4, 0, 44, 4) }))],
  [
    'GST204',
    () =>
      layoutOf(
        changed('chosen', {
          'linux,initrd-start': words(0x4000_0000),
          'linux,initrd-end': words(0x4800_0000),
        }),
      ),
  ],
  ['GST205', () => layoutOf(changed('intc@8000000', { compatible: strings('arm,pl190') }))],
  ['GST206', () => layoutOf(changed('intc@8000000', { reg: words(0, 0x800_0000, 0, 0x1_0000) }))],
  ['GST207', () => layoutOf(changed('cpus/cpu@0', { compatible: undefined }))],
  ['GST208', () => layoutOf(withoutNode('timer'))],
  ['GST209', () => layoutOf(changed('timer', { interrupts: words(1, 13, 0x104) }))],
])('%s', (code, act) => {
  expect(codesOf(act)).toEqual([code]);
});

function codesOf(act: () => unknown): string[] {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error.diagnostics.map((diagnostic) => diagnostic.code);
    throw error;
  }
  return [];
}
