// SPDX-License-Identifier: BSD-2-Clause
// The judge's readers: what is no ELF file or no system description, or a damaged one, is JDG190 and nothing else. What
// they make of good ones: test/e2e/judge.test.ts.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstSegment, parseElf, sectionOf } from '../../../make/judge/elf-file.ts';
import { parseSystem } from '../../../make/judge/system-file.ts';
import { Refusal } from '../../../meta/index.ts';
import { fakeElf } from '../store/fake-elf.ts';

function codeOf(act: () => unknown): string {
  try {
    act();
    return 'read';
  } catch (error) {
    if (error instanceof Refusal) return error.diagnostics.map(({ code }) => code).join();
    throw error;
  }
}

/** A header, a section of four bytes, the names, and the table. */
function withSection(): Buffer {
  const names = Buffer.from('\0.x\0.names\0', 'latin1');
  const table = 64 + 4 + names.length;
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01', 'latin1');
  header.writeBigUInt64LE(BigInt(table), 40);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(2, 60);
  header.writeUInt16LE(1, 62);
  const entry = (name: number, address: bigint, offset: number, size: number): Buffer => {
    const bytes = Buffer.alloc(64);
    bytes.writeUInt32LE(name, 0);
    bytes.writeUInt32LE(1, 4);
    bytes.writeBigUInt64LE(address, 16);
    bytes.writeBigUInt64LE(BigInt(offset), 24);
    bytes.writeBigUInt64LE(BigInt(size), 32);
    return bytes;
  };
  const sections = [entry(1, 0x20_0000n, 64, 4), entry(4, 0n, 68, names.length)];
  return Buffer.concat([header, Buffer.from('data'), names, ...sections]);
}

describe('ELF files', () => {
  it('have sections by name, with address and bytes', () => {
    const section = sectionOf(parseElf(withSection(), 'x'), '.x');
    expect(section.address).toBe(0x20_0000n);
    expect(section.bytes.toString()).toBe('data');
  });

  it('without the section that is wanted are refused', () => {
    expect(codeOf(() => sectionOf(parseElf(withSection(), 'x'), '.y'))).toBe('JDG190');
  });

  it('are read or refused, whatever is changed in them', () => {
    const good = withSection();
    const verdicts = new Set<string>();
    const change = fc.record({
      at: fc.nat(good.length - 1),
      byte: fc.constantFrom(0, 1, 4, 0x7f, 0x80, 0xff),
    });
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(good.length),
        (changes, length) => {
          const bytes = Buffer.from(good);
          for (const { at, byte } of changes) bytes.writeUInt8(byte, at);
          for (const text of [bytes, bytes.subarray(0, length)]) {
            verdicts.add(codeOf(() => parseElf(text, 'x')));
            verdicts.add(codeOf(() => firstSegment(text, 'x')));
          }
        },
      ),
      { numRuns: 3000 },
    );
    expect([...verdicts].toSorted()).toEqual(['JDG190', 'read']);
  });

  it('have a first segment, unless they are cut before its end', () => {
    const elf = fakeElf([{ vaddr: 0x5000_0000n, paddr: 0x5000_0000n, memSize: 0x2000n }]);
    expect(firstSegment(elf, 'x').start).toBe(0x5000_0000n);
    expect(codeOf(() => firstSegment(elf.subarray(0, 100), 'x'))).toBe('JDG190');
  });
});

describe('system descriptions', () => {
  it.each(['', 'no XML', '<system>', '<other/>', '<system><memory_region name="a" size="x"/></system>'])(
    '%j is refused',
    (text) => {
      expect(codeOf(() => parseSystem(text, 'x'))).toBe('JDG190');
    },
  );

  it('has what it says', () => {
    const { regions, pds } = parseSystem(
      '<system><memory_region name="r" size="0x1000" phys_addr="0x9000000"/>' +
        '<protection_domain name="p"><program_image path="p.elf"/><map mr="r" vaddr="0x20000000"/>' +
        '<irq irq="33" id="1" trigger="level"/><virtual_machine name="v"><vcpu id="0"/>' +
        '<map mr="r" vaddr="0x8000000"/></virtual_machine></protection_domain></system>',
      'x',
    );
    const [region] = regions;
    expect(region).toEqual({ name: 'r', size: 0x1000n, paddr: 0x900_0000n });
    expect(pds).toEqual([
      {
        name: 'p',
        programImage: 'p.elf',
        maps: [{ region, vaddr: 0x2000_0000n }],
        irqs: [{ irq: 33, id: 1, trigger: 'level' }],
        guestMaps: [{ region, vaddr: 0x800_0000n }],
      },
    ]);
  });
});
