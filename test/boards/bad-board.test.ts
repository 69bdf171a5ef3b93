// SPDX-License-Identifier: BSD-2-Clause
// The catalogue's bad board files, as far as they can be written: a board is a TypeScript module, so what a parser of
// JSON or TOML would refuse, the compiler does, and the rest is for boards/schema.ts and the guest layout's rules. CIDs
// and the number of VMs are no business of a board: test/meta/subsystems.test.ts and test/cli/options.test.ts have them.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { boardDts, boardNames, loadBoard } from '../../boards/index.ts';
import { defineBoard } from '../../boards/schema.ts';
import { judgeMemory } from '../../make/judge/memory.ts';
import { paddr } from '../../meta/index.ts';
import { plain, refusedBy } from './plain-board.ts';

test('[Board file] not JSON or TOML: does not apply, a board is board.ts and board.dts, which their compilers read', () => {
  for (const name of boardNames())
    expect(readdirSync(join(boardDts(name), '..')).toSorted()).toEqual(['board.dts', 'board.ts']);
});

test('[Board file] duplicate keys: the compiler refuses them, with their line', () => {
  const text = "export const board = {\n  name: 'x',\n  cpu: 'cortex-a53',\n  name: 'y',\n};\n";
  const found = compile(text);
  expect(found).toEqual(['4: An object literal cannot have multiple properties with the same name.']);
});

function compile(text: string): string[] {
  const file = ts.createSourceFile('board.ts', text, ts.ScriptTarget.ES2023);
  const host: ts.CompilerHost = {
    ...ts.createCompilerHost({}),
    getSourceFile: (name) => (name === 'board.ts' ? file : undefined),
    fileExists: (name) => name === 'board.ts',
  };
  const program = ts.createProgram(['board.ts'], { noLib: true, noResolve: true, types: [] }, host);
  return program.getSemanticDiagnostics(file).map(({ start = 0, messageText }) => {
    const { line } = file.getLineAndCharacterOfPosition(start);
    return `${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

test('[Board file] wrong type: is refused with the path of the field', () => {
  expect(refusedBy((input) => Object.assign(input.guest.ram, { base: '0x40000000' }))).toEqual([
    "BRD101 board 'x': guest.ram.base: Invalid input: expected bigint, received string",
  ]);
  expect(refusedBy((input) => Object.assign(input.serial.driver, { compatible: 'arm,pl011' }))[0]).toMatch(
    /^BRD101 board 'x': serial\.driver\.compatible: /,
  );
});

test('[Board file] number above 2^53: addresses are bigints, exact to the last bit, and no float is taken for one', () => {
  const address = 0xffff_ffff_ffff_f001n;
  expect(defineBoard({ ...plain, paddrTop: 0xffff_ffff_ffff_f000n }).paddrTop).toBe(0xffff_ffff_ffff_f000n);
  expect(refusedBy((input) => (input.loadAddress = address))).toEqual([
    `BRD103 board 'x' has the load address 0x${address.toString(16)}, which no page starts at`,
  ]);
  expect(refusedBy((input) => Object.assign(input, { loadAddress: 2 ** 60 }))[0]).toMatch(
    /^BRD101 board 'x': loadAddress: Invalid input: expected bigint, received number/,
  );
  expect(refusedBy((input) => (input.loadAddress = 1n << 64n))[0]).toMatch(
    /^BRD101 board 'x': loadAddress: /,
  );
  expect(refusedBy((input) => (input.guest.ram.base = -1n))[0]).toMatch(
    /^BRD101 board 'x': guest\.ram\.base: /,
  );
});

test('[Board file] RAM overlap: devices in RAM and windows in one another are refused with both ranges', () => {
  expect(refusedBy((input) => (input.guest.ram.base = 0x800_0000n)).join('\n')).toContain(
    "GST104 distributor of 'intc@8000000' [0x8000000..0x8010000) overlaps RAM [0x8000000..0x10000000) of board 'x'",
  );
  expect(refusedBy((input) => (input.guest.kernel.end = 0x4710_0000n))).toEqual([
    "GST104 initrd window [0x47000000..0x47f00000) overlaps kernel window [0x40000000..0x47100000) of board 'x'",
  ]);
});

test('[Board file] RAM not a multiple of the page size: is refused, 2 MiB is the page of an arm64 kernel', () => {
  for (const size of [0x800_0001n, 0x800_1000n])
    expect(refusedBy((input) => (input.guest.ram.size = size))).toEqual([
      `GST101 RAM [0x40000000..0x${(0x4000_0000n + size).toString(16)}) of board 'x' is not made of whole 2 MiB (0x200000) blocks: an arm64 kernel starts at such a block`,
    ]);
});

test("[Board file] paddr outside the board's memory: a range upside down at once, a region where nothing is by the judge", () => {
  expect(refusedBy((input) => (input.paddrTop = input.paddrBottom))[0]).toMatch(/^BRD102 /);
  const regionAt = (start: bigint) =>
    judgeMemory({
      board: { name: 'x', paddrBottom: 0x4000_0000n, paddrTop: 0x6000_0000n },
      sdk: {
        memory: [{ start: 0x4000_0000n, end: 0x8000_0000n }],
        devices: [{ start: 0x1000_0000n, end: 0x2000_0000n }],
      },
      system: { regions: [{ name: 'r', size: 0x2000n, paddr: paddr(start) }], pds: [] },
      systemPath: 'vsock.system',
    }).map(({ code }) => code);
  for (const good of [0x1000_0000n, 0x1fff_e000n, 0x4000_0000n, 0x5fff_e000n])
    expect(regionAt(good)).toEqual([]);
  // Behind all, across an end, in memory that is not the board's to give, between the two.
  for (const bad of [0x9000_0000n, 0x1fff_f000n, 0x5fff_f000n, 0x7000_0000n, 0x3000_0000n])
    expect(regionAt(bad)).toEqual(['JDG110']);
});

test.each([-1, -32, 988, 1020, 42.5])(
  '[Board file] IRQ < 32 or not an SPI: SPI %d of a virtio device is refused',
  (spi) => {
    expect(refusedBy((input) => (input.guest.vsock.spi = spi))[0]).toMatch(
      /^(GST108 SPI -?\d+ of 'virtio-socket@140000' of board 'x' is not in 0\.\.987|BRD101 board 'x': guest\.vsock\.spi: )/,
    );
  },
);

test.each(['a/b', '..', 'a\0b', 'bücher', 'Board', '', 'b'.repeat(64)])(
  '[Board file] names with /, .., NUL, Unicode, 64 bytes or more: %j is refused, as a name and as a flag',
  async (name) => {
    expect(refusedBy((input) => (input.name = name))[0]).toMatch(/^BRD101 board '.*': name: /s);
    await expect(loadBoard(name)).rejects.toThrow(/^BRD201 there is no board /);
  },
);
