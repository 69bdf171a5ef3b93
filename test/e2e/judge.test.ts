// SPDX-License-Identifier: BSD-2-Clause
// Every board's image, debug and release, is judged good; and with one value of another board's in it, it is not: QEMU's
// values in the images of the others, another's in QEMU's.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { boardNames } from '../../boards/index.ts';
import { parseElf, sectionOf } from '../../make/judge/elf-file.ts';
import { findNode, gpa, gpaRange, hex } from '../../meta/index.ts';
import type { FdtNode } from '../../meta/fdt/parse.ts';
import { type Described, describedAs, ImageBench, needBoard } from './judge-fixture.ts';

const minutes = 60_000;
const emulated = 'qemu_virt_aarch64';

interface Swap {
  readonly fact: string;
  readonly code: string;
  /** With the other's value; undefined where both have the same, or the board has no such thing. */
  readonly change: (own: Described, other: Described) => Described | undefined;
  /** For what is in no file of the build: what was built before is judged by it. */
  readonly isBuilt?: false;
}

type Gic = Described['board']['guest']['gic'];

const withGic = ({ board, tree }: Described, gic: Partial<Gic>): Described => ({
  board: { ...board, guest: { ...board.guest, gic: { ...board.guest.gic, ...gic } } },
  tree,
});

/** The part of the GIC at another address, if there is such a part and the address is another. */
const movedPart =
  (
    part: 'distributor' | 'redistributor' | 'cpuInterface' | 'vcpuInterface',
    fallback: bigint,
  ): Swap['change'] =>
  (own, other) => {
    const range = own.board.guest.gic[part];
    const base = other.board.guest.gic[part]?.base ?? gpa(fallback);
    return range === undefined || range.base === base
      ? undefined
      : withGic(own, { [part]: { ...range, base } });
  };

const swaps: readonly Swap[] = [
  {
    fact: 'load address',
    code: 'JDG101',
    isBuilt: false,
    change: ({ board, tree }, other) => ({ board: { ...board, loadAddress: other.board.loadAddress }, tree }),
  },
  {
    fact: 'boot line',
    code: 'JDG102',
    isBuilt: false,
    change: ({ board, tree }, other) => ({
      board: { ...board, bootLine: `go ${hex(other.board.loadAddress)}` },
      tree,
    }),
  },
  {
    fact: 'CPU',
    code: 'JDG150',
    isBuilt: false,
    change: ({ board, tree }, other) => ({
      board: { ...board, cpu: anotherCpu(board.cpu, other.board.cpu) },
      tree,
    }),
  },
  {
    fact: "guest's CPU",
    code: 'JDG151',
    change: ({ board, tree }, other) => ({
      board: { ...board, guest: { ...board.guest, cpu: `arm,${anotherCpu(board.cpu, other.board.cpu)}` } },
      tree,
    }),
  },
  {
    fact: 'GIC version',
    code: 'JDG120',
    change: (own) => withGic(own, own.board.guest.gic.version === 2 ? gicV3 : gicV2),
  },
  {
    fact: 'GIC compatible',
    code: 'JDG121',
    change: (own, other) => {
      const { compatible } = other.board.guest.gic;
      return compatible === own.board.guest.gic.compatible ? undefined : withGic(own, { compatible });
    },
  },
  { fact: 'distributor', code: 'JDG122', change: movedPart('distributor', 0x800_0000n) },
  { fact: 'redistributor', code: 'JDG123', change: movedPart('redistributor', 0x80a_0000n) },
  { fact: 'CPU interface', code: 'JDG124', change: movedPart('cpuInterface', 0x801_0000n) },
  { fact: 'virtual CPU interface', code: 'JDG125', change: movedPart('vcpuInterface', 0x804_0000n) },
  {
    fact: 'UART address',
    code: 'JDG141',
    change: (own, other) => ({ ...own, tree: treeWith(own, other, moveSerial) }),
  },
  {
    fact: 'UART interrupt',
    code: 'JDG144',
    change: (own, other) => ({ ...own, tree: treeWith(own, other, rewireSerial) }),
  },
  {
    fact: 'UART driver',
    code: 'JDG140',
    change: ({ board, tree }, other) => {
      const { directory } = other.board.serial.driver;
      if (directory === board.serial.driver.directory) return undefined;
      const driver = { ...board.serial.driver, directory };
      return { board: { ...board, serial: { ...board.serial, driver } }, tree };
    },
  },
];

/** QEMU's machine has either, as it is asked to. */
const gicV2: Partial<Gic> = {
  version: 2,
  compatible: 'arm,cortex-a15-gic',
  cpuInterface: gpaRange(0x801_0000n, 0x1_0000n),
};
const gicV3: Partial<Gic> = {
  version: 3,
  compatible: 'arm,gic-v3',
  redistributor: gpaRange(0x80a_0000n, 0x2_0000n),
};

/** The other's, or where both have the same, one that neither has. */
const anotherCpu = (own: string, other: string): string => (own === other ? 'cortex-a72' : other);

const serialOf = ({ board, tree }: Described): FdtNode => findNode(tree, board.serial.node).node;

/** The own tree, changed in place: each case has one of its own. */
function treeWith(
  own: Described,
  other: Described,
  change: (serial: FdtNode, from: FdtNode) => void,
): Described['tree'] {
  change(serialOf(own), serialOf(other));
  return own.tree;
}

function moveSerial(serial: FdtNode, from: FdtNode): void {
  // Where the other board's port is for its CPU; this bus has nothing to add to it.
  const address = from.parent?.name === '' ? 0x900_0000 : 0xff80_3000;
  const bus = serial.parent;
  const isRoot = bus?.parent === undefined;
  const wide = isRoot || bus.properties.get('#address-cells')?.at(-1) === 2;
  const words = wide ? [0, address, 0, 0x1000] : [address, 0x1000];
  set(serial, 'reg', words);
  if (!isRoot) set(bus, 'ranges', []);
}

const rewireSerial = (serial: FdtNode, from: FdtNode): void => {
  properties(serial).set('interrupts', from.properties.get('interrupts') ?? new Uint8Array());
};

const properties = (node: FdtNode): Map<string, Uint8Array> => node.properties as Map<string, Uint8Array>;

function set(node: FdtNode, name: string, words: readonly number[]): void {
  const bytes = Buffer.alloc(4 * words.length);
  for (const [i, word] of words.entries()) bytes.writeUInt32BE(word, 4 * i);
  properties(node).set(name, bytes);
}

interface Tamper {
  readonly what: string;
  /** In the build directory. */
  readonly file: string;
  readonly code: string;
  readonly change: (bytes: Buffer) => Buffer;
}

/** Flips a bit of a section's byte. */
const inSection =
  (name: string, find: (content: Buffer) => number): Tamper['change'] =>
  (bytes) => {
    const { bytes: content } = sectionOf(parseElf(bytes, 'x'), name);
    const inside = find(content);
    expect(inside).toBeGreaterThan(2);
    const at = content.byteOffset - bytes.byteOffset + inside;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    return bytes;
  };

const inText =
  (pattern: RegExp, to: string): Tamper['change'] =>
  (bytes) => {
    const text = bytes.toString();
    expect(text).toMatch(pattern);
    return Buffer.from(text.replace(pattern, to));
  };

const ramSize = Buffer.from([0, 0, 0, 0x08, 0, 0, 0, 0]);
const vsockIrq = Buffer.from([75, 0, 0, 0]);

const guestModel = 'vmbuild guest';
const tampers: readonly Tamper[] = [
  {
    what: 'another loader in front',
    file: 'loader.img',
    code: 'JDG103',
    change: (bytes) => bytes.fill(0, 0, 4),
  },
  {
    what: 'a device tree that no VMM was linked with',
    file: 'loader.img',
    code: 'JDG104',
    // In every VMM's: the first page of a tree that crosses a border may be the same in all of them.
    change: (bytes) => {
      expect(bytes.includes(guestModel)).toBe(true);
      for (let at = bytes.indexOf(guestModel); at >= 0; at = bytes.indexOf(guestModel, at)) bytes[at] = 0x78;
      return bytes;
    },
  },
  {
    what: 'other RAM in the config of a VMM',
    file: 'client_vmm0.elf',
    code: 'JDG130',
    change: inSection('.vmm_config', (content) => content.indexOf(ramSize) + 3),
  },
  {
    what: 'RAM of another size in the system',
    file: 'vsock.system',
    code: 'JDG131',
    change: inText(/(name="guest_ram_client_linux1" size=)"0x8000000"/, '$1"0x4000000"'),
  },
  {
    what: "another interrupt in the socket's config",
    file: 'client_vmm1.elf',
    code: 'JDG132',
    change: inSection('.vsock_config', (content) => content.indexOf(vsockIrq)),
  },
  {
    what: 'the serial port mapped elsewhere',
    file: 'vsock.system',
    code: 'JDG142',
    change: inText(/(<map mr="[^"]*\/drivers\/serial\/[^"]*" vaddr=)"0x20000000"/, '$1"0x21000000"'),
  },
  {
    what: 'a cut program',
    file: 'serial_driver.elf',
    code: 'JDG190',
    change: (bytes) => bytes.subarray(0, 0x1000),
  },
];

const cases = boardNames().flatMap((name) => ['debug', 'release'].map((config) => ({ name, config })));

describe.each(cases)('$name, $config', ({ name, config }) => {
  const bench = new ImageBench(name, config);
  afterAll(() => {
    bench.remove();
  });

  it('is judged good', { timeout: 10 * minutes }, async (ctx) => {
    await needBoard(ctx, name, config);
    expect(await bench.build(await describedAs(name))).toEqual([]);
    expect(readFileSync(join(bench.directory, 'judge/verdict.txt'), 'utf8')).toContain(`board ${name}, cpu `);
  });

  it.for(swaps)("with another board's $fact is not", { timeout: 5 * minutes }, async (swap, ctx) => {
    await needBoard(ctx, name, config);
    const other = await describedAs(name === emulated ? 'odroidc4' : emulated);
    const swapped = swap.change(await describedAs(name), other);
    if (swapped === undefined) {
      ctx.skip('both boards have the same, or this one has none');
      return;
    }
    const codes = await (swap.isBuilt === false ? bench.judge(swapped) : bench.build(swapped));
    expect(codes).toContain(swap.code);
  });

  it.for(tampers)('is not with $what', { timeout: 5 * minutes }, async ({ file, change, code }, ctx) => {
    await needBoard(ctx, name, config);
    expect(await bench.build(await describedAs(name))).toEqual([]);
    const path = join(bench.directory, file);
    const bytes = readFileSync(path);
    writeFileSync(path, change(Buffer.from(bytes)));
    try {
      expect(await bench.judge(await describedAs(name))).toContain(code);
    } finally {
      writeFileSync(path, bytes);
    }
  });

  it('is not for an SDK whose kernel keeps the devices to itself', async (ctx) => {
    await needBoard(ctx, name, config);
    const codes = await bench.judge(await describedAs(name), (sdk) => ({ ...sdk, devices: [] }));
    expect(codes).toEqual(expect.arrayContaining(['JDG110', 'JDG143']));
  });

  it('is good again with its own', { timeout: 5 * minutes }, async (ctx) => {
    await needBoard(ctx, name, config);
    expect(await bench.build(await describedAs(name))).toEqual([]);
  });
});
