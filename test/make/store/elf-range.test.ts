// SPDX-License-Identifier: BSD-2-Clause
import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { readLoadRange } from '../../../make/store/elf-range.ts';
import { fakeElf } from './fake-elf.ts';

it('spans the loadable segments, whatever their order, BSS included', () => {
  const elf = fakeElf([
    { vaddr: 0x80_6001_0000n, paddr: 0x6001_0000n, memSize: 0x24_d000n },
    { vaddr: 0x80_6000_0000n, paddr: 0x6000_0000n, memSize: 0x1_0000n },
    { vaddr: 0n, memSize: 0x1_0000_0000_0000n, type: 6 },
  ]);
  expect(readLoadRange(elf)).toEqual({
    vaddr: { start: 0x80_6000_0000n, end: 0x80_6025_d000n },
    paddr: { start: 0x6000_0000n, end: 0x6025_d000n },
  });
});

it.each<[string, Buffer]>([
  ['nothing', Buffer.alloc(0)],
  ['a header that is cut off', fakeElf([]).subarray(0, 63)],
  ['a table that is cut off', fakeElf([{ vaddr: 0n, memSize: 1n }]).subarray(0, -1)],
  ['no segments', fakeElf([])],
  ['nothing to load', fakeElf([{ vaddr: 0n, memSize: 1n, type: 6 }])],
  ['32 bits', Buffer.from('7f454c460101'.padEnd(256, '0'), 'hex')],
])('%s is no such file', (_, bytes) => {
  expect(readLoadRange(bytes)).toBeUndefined();
});

it('damaged files are never read past their end', () => {
  const whole = fakeElf([{ vaddr: 0x1000n, memSize: 0x1000n }]);
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
      const bytes = Buffer.from(whole);
      bytes[at] = value;
      readLoadRange(bytes);
    }),
  );
});
