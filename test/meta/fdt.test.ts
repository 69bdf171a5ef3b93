// SPDX-License-Identifier: BSD-2-Clause
// The device tree reader: round trips, addresses and interrupts, and hostile blobs, which may only ever be refused.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressesOf,
  allNodes,
  type DeviceTree,
  type Diagnostic,
  findNode,
  guestLayoutFromTree,
  guestMachineFromTree,
  interruptsOf,
  parseFdt,
  pathOf,
  Refusal,
  stringsOf,
} from '../../meta/index.ts';
import { guestTree, strings, words, type WrittenNode, writeFdt } from './fdt-writer.ts';

const guestBlob = writeFdt(guestTree);

describe('what is there', () => {
  const tree = parseFdt(guestBlob, 'guest.dtb');

  test('addresses go through ranges', () => {
    expect(addressesOf(findNode(tree, 'bus@100000/console@30000'))).toEqual([
      { start: 0x13_0000n, size: 0x200n },
    ]);
    expect(addressesOf(findNode(tree, '/memory@40000000'))).toEqual([
      { start: 0x4000_0000n, size: 0x800_0000n },
    ]);
  });

  test('interrupts are counted as the kernel does', () => {
    expect(interruptsOf(findNode(tree, 'bus@100000/socket@40000'), 'aarch64')).toEqual([
      { irq: 75, trigger: 'edge' },
    ]);
    expect(interruptsOf(findNode(tree, 'timer'), 'aarch64').map(({ irq }) => irq)).toEqual([29, 30, 27, 26]);
  });

  test('a guest layout', () => {
    const layout = guestLayoutFromTree(tree, {
      console: 'bus@100000/console@30000',
      vsock: 'bus@100000/socket@40000',
    });
    expect(layout).toMatchObject({
      ram: { base: 0x4000_0000n, size: 0x800_0000n },
      initrd: { start: 0x4700_0000n, end: 0x47f0_0000n },
      dtb: { start: 0x47f0_0000n, end: 0x4800_0000n },
      cpu: 'arm,cortex-a53',
      gic: { version: 2, nodeName: 'intc@8000000', vcpuInterface: { base: 0x804_0000n, size: 0x1_0000n } },
      timerPpis: { secure: 13, nonSecure: 14, virtual: 11, hypervisor: 10 },
      console: { name: 'console@30000', base: 0x13_0000n, size: 0x200n, spi: 42 },
    });
  });

  test.each([
    ['after the initrd, up to the last byte of RAM', 0x47ff_f000, 0x47ff_f000n, 0x4800_0000n],
    ['before the initrd, if it does not fit after it', 0x4800_0000, 0x46ff_f000n, 0x4700_0000n],
  ])('the device tree goes %s', (_, initrdEnd, start, end) => {
    const [memory, chosen, ...rest] = guestTree.children;
    if (memory === undefined || chosen === undefined) throw new Error('they are there');
    const [initrdStart] = chosen.properties;
    if (initrdStart === undefined) throw new Error('it is there');
    const moved = { ...chosen, properties: [initrdStart, ['linux,initrd-end', words(initrdEnd)] as const] };
    const blob = writeFdt({ ...guestTree, children: [memory, moved, ...rest] });
    expect(blob.length).toBeLessThan(0x1000);
    expect(guestMachineFromTree(parseFdt(blob, 'x.dtb')).dtb).toEqual({ start, end });
  });

  test('a wrong path names the node that was meant', () => {
    expect(refusalOf(() => findNode(tree, 'bus@100000/consol@30000'))).toEqual([
      {
        code: 'FDT201',
        severity: 'error',
        message: `could not find DTB node 'bus@100000/consol@30000': '/bus@100000' of device tree 'guest.dtb' has no child 'consol@30000'`,
        hint: `did you mean 'console@30000'?`,
        place: { file: 'guest.dtb' },
      },
    ]);
  });
});

test('every written tree reads back', () => {
  fc.assert(
    fc.property(treeArbitrary(), (root) => {
      expect(toWritten(parseFdt(writeFdt(root), 'x.dtb').root)).toEqual(toWritten(root));
    }),
    { numRuns: 200 },
  );
});

describe('hostile blobs are refused, never anything else', () => {
  test('arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (blob) => {
        const codes = refusalOf(() => parseFdt(blob, 'x.dtb')).map(({ code }) => code);
        expect(codes).toEqual(['FDT102']);
      }),
    );
  });

  test('bytes after a good header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 60, maxLength: 4000 }), (tail) => {
        onlyRefuses(withHeader(tail));
      }),
      { numRuns: 500 },
    );
  });

  test('mutations of a good blob: flipped bytes, odd words, cut ends', () => {
    const mutation = fc.oneof(
      fc.record({ at: fc.nat(guestBlob.length - 1), byte: fc.integer({ min: 0, max: 255 }) }),
      fc.record({
        at: fc.nat(Math.floor(guestBlob.length / 4) - 1).map((word) => 4 * word),
        word: fc.constantFrom(0, 1, 2, 3, 4, 9, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
      }),
      fc.record({ cut: fc.nat(guestBlob.length) }),
    );
    const counted = { refused: 0, read: 0 };
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        counted[onlyRefuses(mutations.reduce<Buffer>(mutate, Buffer.from(guestBlob)))] += 1;
      }),
      { numRuns: 5000 },
    );
    // The mutants must reach both ways, or the test tests nothing.
    expect(counted.refused).toBeGreaterThan(500);
    expect(counted.read).toBeGreaterThan(50);
  });

  const child = (properties: WrittenNode['properties']): WrittenNode => ({
    name: 'bus@0',
    properties: [
      ['#address-cells', words(1)],
      ['#size-cells', words(1)],
    ],
    children: [{ name: 'x@0', properties, children: [] }],
  });
  const treeWith = (node: WrittenNode): DeviceTree =>
    parseFdt(writeFdt({ name: '', properties: [], children: [node] }), 'x.dtb');
  const nodeX = (properties: WrittenNode['properties']) => findNode(treeWith(child(properties)), 'bus@0/x@0');

  test.each([
    ['FDT101', () => parseFdt(new Uint8Array(0x20_0001), 'x.dtb')],
    ['FDT103', () => parseFdt(guestBlob.subarray(0, guestBlob.length - 1), 'x.dtb')],
    ['FDT104', () => parseFdt(patched(20, 15), 'x.dtb')],
    ['FDT105', () => parseFdt(patched(36, 0x7fff_ffff), 'x.dtb')],
    ['FDT106', () => parseFdt(writeFdt(nested(65)), 'x.dtb')],
    [
      'FDT106',
      () => parseFdt(writeFdt({ name: '', properties: [], children: [leaf('a'), leaf('a')] }), 'x.dtb'),
    ],
    [
      'FDT106',
      () => parseFdt(writeFdt({ name: '', properties: [], children: [leaf('n'.repeat(256))] }), 'x.dtb'),
    ],
    ['FDT202', () => addressesOf(nodeX([['reg', new Uint8Array(5)]]))],
    ['FDT211', () => addressesOf(nodeX([['reg', words(1)]]))],
    ['FDT213', () => addressesOf(nodeX([['reg', words(1, 1)]]))],
    ['FDT217', () => addressesOf(nodeX([['reg', words(...Array.from({ length: 514 }, () => 1))]]))],
    ['FDT227', () => interruptsOf(nodeX([['interrupts', words(0, 1, 4)]]), 'aarch64')],
    [
      'FDT226',
      () =>
        interruptsOf(
          nodeX([
            ['interrupts', words(0, 1, 4)],
            ['interrupt-parent', words(7)],
          ]),
          'aarch64',
        ),
    ],
  ])('%s', (code, act) => {
    expect(refusalOf(act).map((diagnostic) => diagnostic.code)).toEqual([code]);
  });

  test('64 deep is fine', () => {
    expect(() => parseFdt(writeFdt(nested(64)), 'x.dtb')).not.toThrow();
  });

  test('a strings list without its NUL', () => {
    expect(stringsOf(nodeX([['compatible', strings('a', 'b')]]).node, 'compatible')).toEqual(['a', 'b']);
    expect(stringsOf(nodeX([['compatible', Buffer.from('ab')]]).node, 'compatible')).toEqual(['ab']);
  });
});

const leaf = (name: string): WrittenNode => ({ name, properties: [], children: [] });

const nested = (depth: number): WrittenNode => {
  let node = leaf(depth === 1 ? '' : 'n');
  for (let i = 1; i < depth; i += 1)
    node = { name: i === depth - 1 ? '' : 'n', properties: [], children: [node] };
  return node;
};

function refusalOf(act: () => unknown): readonly Diagnostic[] {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error.diagnostics;
    throw error;
  }
  return [];
}

/** Reads and looks at everything; any exception but a Refusal fails the test. */
function onlyRefuses(blob: Uint8Array): 'refused' | 'read' {
  let tree: DeviceTree | undefined;
  if (refusalOf(() => (tree = parseFdt(blob, 'x.dtb'))).length > 0 || tree === undefined) return 'refused';
  for (const node of allNodes(tree)) {
    const at = { tree, node };
    pathOf(node);
    stringsOf(node, 'compatible');
    refusalOf(() => addressesOf(at));
    refusalOf(() => interruptsOf(at, 'aarch64'));
    refusalOf(() => interruptsOf(at, 'riscv64'));
  }
  const read = tree;
  const nodes = { console: 'bus@100000/console@30000', vsock: 'bus@100000/socket@40000' };
  return refusalOf(() => guestLayoutFromTree(read, nodes)).length > 0 ? 'refused' : 'read';
}

type Mutation = { at: number; byte: number } | { at: number; word: number } | { cut: number };

function mutate(blob: Buffer, mutation: Mutation): Buffer {
  if ('cut' in mutation) return blob.subarray(0, mutation.cut);
  if ('byte' in mutation && mutation.at < blob.length) blob.writeUInt8(mutation.byte, mutation.at);
  if ('word' in mutation && mutation.at + 4 <= blob.length) blob.writeUInt32BE(mutation.word, mutation.at);
  return blob;
}

function patched(offset: number, word: number): Uint8Array {
  const blob = Buffer.from(guestBlob);
  blob.writeUInt32BE(word, offset);
  return blob;
}

function withHeader(tail: Uint8Array): Uint8Array {
  const half = Math.floor(tail.length / 8) * 4;
  const header = words(0xd00dfeed, 40 + tail.length, 40, 40 + half, 40, 17, 16, 0, tail.length - half, half);
  return Buffer.concat([header, words(1, 0), tail.subarray(8)]);
}

const nameArbitrary = fc.stringMatching(/^[a-z][a-z0-9,._+-]{0,20}(@[0-9a-f]{1,8})?$/);

const treeArbitrary = (): fc.Arbitrary<WrittenNode> => {
  const properties = fc
    .uniqueArray(fc.tuple(nameArbitrary, fc.uint8Array({ maxLength: 24 })), {
      maxLength: 4,
      selector: ([name]) => name,
    })
    .map((list) => list as WrittenNode['properties']);
  const level = (depth: number): fc.Arbitrary<WrittenNode> =>
    fc.record({
      name: nameArbitrary,
      properties,
      children:
        depth === 0
          ? fc.constant([])
          : fc.uniqueArray(level(depth - 1), { maxLength: 3, selector: ({ name }) => name }),
    });
  return level(4).map((root) => ({ ...root, name: '' }));
};

const toWritten = (
  node: Pick<WrittenNode, 'name'> & {
    properties: Iterable<readonly [string, Uint8Array]>;
    children: readonly unknown[];
  },
): unknown => ({
  name: node.name,
  properties: [...node.properties].map(([name, value]) => [name, [...value]]),
  children: node.children.map((child) => toWritten(child as WrittenNode)),
});
