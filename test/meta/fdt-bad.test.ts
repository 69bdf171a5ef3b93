// SPDX-License-Identifier: BSD-2-Clause
// The catalogue's bad device tree blobs, each with what it is refused by. Random ones: fdt.test.ts.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import {
  addressesOf,
  checkGuestLayout,
  findNode,
  guestLayoutFromTree,
  guestMachineFromTree,
  parseFdt,
  Refusal,
} from '../../meta/index.ts';
import { guestTree, words, type WrittenNode, writeFdt } from './fdt-writer.ts';

const blob = writeFdt(guestTree);

const refusedBy = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal)
      return error.diagnostics.map((d) => `${d.code} ${d.message}; ${d.hint}`).join('\n');
    throw error;
  }
  return '';
};
const read = (bytes: Uint8Array): string => refusedBy(() => parseFdt(bytes, 'x.dtb'));

function patched(offset: number, word: number): Uint8Array {
  const bytes = Buffer.from(blob);
  bytes.writeUInt32BE(word, offset);
  return bytes;
}

const node = (
  name: string,
  children: WrittenNode[] = [],
  properties: WrittenNode['properties'] = [],
): WrittenNode => ({
  name,
  properties,
  children,
});

test('[Device tree blob] magic other than 0xd00dfeed: is refused with what a blob begins with', () => {
  for (const magic of [0, 0xedfe0dd0, 0x7f454c46])
    expect(read(patched(0, magic))).toMatch(/^FDT102 .* do not start with 0xd00dfeed; make it with dtc/);
});

test('[Device tree blob] totalsize > file: is refused with both sizes', () => {
  expect(read(patched(4, blob.length + 1))).toContain(
    `FDT103 device tree 'x.dtb' says it has ${blob.length + 1} bytes, but the file has ${blob.length}`,
  );
});

test('[Device tree blob] offset or size overflow: every header field is checked against the size', () => {
  for (const offset of [8, 12, 32, 36])
    for (const value of [0x7fff_fffc, 0xffff_fffc, blob.length])
      expect(read(patched(offset, value))).toMatch(/^FDT10[56] /);
});

test('[Device tree blob] bad version: is refused with both numbers', () => {
  expect(read(patched(20, 15))).toContain('FDT104');
  expect(read(patched(24, 18))).toContain('has version 17, compatible with 18; 17 is read');
});

test('[Device tree blob] deep nesting: 64 levels are read, a million are refused without a crash', () => {
  const open = words(1, 0x6e00_0000);
  const nest = (depth: number): Uint8Array => {
    const struct = Buffer.concat([words(1, 0), ...Array.from({ length: depth }, () => open)]);
    const header = words(0xd00dfeed, 40 + struct.length, 40, 40, 40, 17, 16, 0, 0, struct.length);
    return Buffer.concat([header, struct]);
  };
  expect(read(nest(200_000))).toMatch(/^FDT106 .*/);
  expect(read(nest(1_000_000))).toMatch(/^FDT101 .* at most 2097152 are read/);
});

test('[Device tree blob] no /memory or /chosen: is refused where a guest layout is read from it', () => {
  const without = (name: string) =>
    parseFdt(
      writeFdt({ ...guestTree, children: guestTree.children.filter((c) => !c.name.startsWith(name)) }),
      'x.dtb',
    );
  expect(refusedBy(() => guestMachineFromTree(without('memory')))).toMatch(
    /^GST201 .* has 0 ranges of memory/,
  );
  expect(refusedBy(() => guestMachineFromTree(without('chosen')))).toMatch(
    /^FDT201 could not find DTB node 'chosen'/,
  );
});

test("[Device tree blob] overlapping reg: a device in a guest's RAM is refused with both ranges", () => {
  const layout = guestLayoutFromTree(parseFdt(blob, 'x.dtb'), {
    console: 'bus@100000/console@30000',
    vsock: 'bus@100000/socket@40000',
  });
  const inRam = { ...layout, vsock: { ...layout.vsock, base: layout.ram.base } };
  expect(checkGuestLayout(inRam, 'it').map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/overlaps RAM \[0x[0-9a-f]+\.\.0x[0-9a-f]+\) of it$/),
  );
});

test('[Device tree blob] #cells > 2: three are a PCI address that must fit 64 bits, five are refused', () => {
  const at = (cells: number, reg: readonly number[]) => {
    const child = node('x@0', [], [['reg', words(...reg)]]);
    const root = node(
      '',
      [child],
      [
        ['#address-cells', words(cells)],
        ['#size-cells', words(1)],
      ],
    );
    return () => addressesOf(findNode(parseFdt(writeFdt(root), 'x.dtb'), 'x@0'));
  };
  expect(at(3, [0, 1, 2, 3])()).toEqual([{ start: 0x1_0000_0002n, size: 3n }]);
  expect(refusedBy(at(3, [1, 0, 0, 1]))).toMatch(/^FDT212 .* reaches the end of 64 bits/);
  expect(refusedBy(at(5, [0, 0, 0, 0, 0, 1]))).toMatch(
    /^FDT216 .*'#address-cells' = <5>; one number up to 4/,
  );
});

test('[Device tree blob] name with NUL: ends there, and what follows is refused as no token', () => {
  expect(read(writeFdt(node('', [node('abc\0def')])))).toMatch(/^FDT106 /);
});

test('[Device tree blob] truncated: at every length', () => {
  for (let length = 0; length < blob.length; length += 1)
    expect(read(blob.subarray(0, length))).toMatch(/^FDT10[23] /);
});

test("[Device tree blob] gzip'd: is named", () => {
  expect(read(gzipSync(blob))).toMatch(/^FDT102 device tree 'x.dtb' is gzip'd .*; unpack it with gunzip$/);
});

test('[Device tree blob] DTS text given instead: is named', () => {
  const text = readFileSync(join(import.meta.dirname, 'guest.dts'));
  expect(read(text)).toMatch(
    /^FDT102 device tree 'x.dtb' is device tree source and no blob: .*; make it with dtc -O dtb$/,
  );
});

test('a blob > 2 MB: is refused with the limit', () => {
  expect(read(Buffer.concat([blob, Buffer.alloc(0x20_0000)]))).toMatch(/^FDT101 .* at most 2097152 are read/);
});
