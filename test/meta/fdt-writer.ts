// SPDX-License-Identifier: BSD-2-Clause
// Writes device tree blobs for tests, so that the reader is not only tried on what dtc makes.

export interface WrittenNode {
  readonly name: string;
  readonly properties: readonly (readonly [name: string, value: Uint8Array])[];
  readonly children: readonly WrittenNode[];
}

/** A version 17 blob with an empty memory reservation block. */
export function writeFdt(root: WrittenNode): Uint8Array {
  const names: string[] = [];
  const offsets = new Map<string, number>();
  const nameOffset = (name: string): number => {
    const known = offsets.get(name);
    if (known !== undefined) return known;
    const offset = names.join('').length;
    offsets.set(name, offset);
    names.push(`${name}\0`);
    return offset;
  };
  const structure = Buffer.concat([writeNode(root, nameOffset), words(9)]);
  const strings = Buffer.from(names.join(''), 'latin1');
  const structStart = 40 + 16;
  const stringsStart = structStart + structure.length;
  const total = stringsStart + strings.length;
  const header = words(
    0xd00dfeed,
    total,
    structStart,
    stringsStart,
    40,
    17,
    16,
    0,
    strings.length,
    structure.length,
  );
  return Buffer.concat([header, Buffer.alloc(16), structure, strings]);
}

/** Big-endian cells. */
export function words(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) buffer.writeUInt32BE(value, 4 * i);
  return buffer;
}

export const strings = (...values: readonly string[]): Buffer =>
  Buffer.from(values.map((value) => `${value}\0`).join(''), 'latin1');

function writeNode(node: WrittenNode, nameOffset: (name: string) => number): Buffer {
  return Buffer.concat([
    words(1),
    padded(Buffer.from(`${node.name}\0`, 'latin1')),
    ...node.properties.flatMap(([name, value]) => [
      words(3, value.length, nameOffset(name)),
      padded(Buffer.from(value)),
    ]),
    ...node.children.map((child) => writeNode(child, nameOffset)),
    words(2),
  ]);
}

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);

/** A guest with everything that the readers look for. */
export const guestTree: WrittenNode = {
  name: '',
  properties: [
    ['#address-cells', words(2)],
    ['#size-cells', words(2)],
    ['interrupt-parent', words(1)],
  ],
  children: [
    node('memory@40000000', [
      ['device_type', strings('memory')],
      ['reg', words(0, 0x4000_0000, 0, 0x800_0000)],
    ]),
    node('chosen', [
      ['linux,initrd-start', words(0x4700_0000)],
      ['linux,initrd-end', words(0, 0x47f0_0000)],
    ]),
    {
      name: 'cpus',
      properties: [
        ['#address-cells', words(1)],
        ['#size-cells', words(0)],
      ],
      children: [
        node('cpu@0', [
          ['device_type', strings('cpu')],
          ['compatible', strings('arm,cortex-a53')],
          ['reg', words(0)],
        ]),
      ],
    },
    node('timer', [
      ['compatible', strings('arm,armv8-timer', 'arm,armv7-timer')],
      ['interrupts', words(1, 13, 0x104, 1, 14, 0x104, 1, 11, 0x104, 1, 10, 0x104)],
    ]),
    node('intc@8000000', [
      ['compatible', strings('arm,cortex-a15-gic')],
      ['#interrupt-cells', words(3)],
      ['phandle', words(1)],
      [
        'reg',
        words(...[0x800_0000, 0x801_0000, 0x803_0000, 0x804_0000].flatMap((base) => [0, base, 0, 0x1_0000])),
      ],
    ]),
    {
      name: 'bus@100000',
      properties: [
        ['#address-cells', words(1)],
        ['#size-cells', words(1)],
        ['ranges', words(0, 0, 0x10_0000, 0x10_0000)],
      ],
      children: [
        node('console@30000', [
          ['reg', words(0x3_0000, 0x200)],
          ['interrupts', words(0, 42, 4)],
        ]),
        node('socket@40000', [
          ['reg', words(0x4_0000, 0x200)],
          ['interrupts', words(0, 43, 1)],
        ]),
      ],
    },
  ],
};

function node(name: string, properties: WrittenNode['properties']): WrittenNode {
  return { name, properties, children: [] };
}
