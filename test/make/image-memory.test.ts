// SPDX-License-Identifier: BSD-2-Clause
// The sums of what a system takes, the limits they are held against, and the words of the refusal.
import { describe, expect, it } from 'vitest';
import {
  addUpMemory,
  checkMemory,
  checkOwnMemory,
  isEnough,
  type MemoryInputs,
} from '../../make/image-memory.ts';
import type { SystemDescription } from '../../meta/index.ts';
import { bytes, paddr } from '../../meta/units.ts';

const mib = 2n ** 20n;
const sdk: MemoryInputs['sdk'] = {
  config: 'debug',
  memory: [{ start: 0x6000_0000n, end: 0xc000_0000n }],
  kernelImage: { start: 0x6000_0000n, end: 0x6025_d000n },
  initialiserBytes: 0x4_f180n,
};

/** VMMs with RAM for their guests, and a driver. */
const systemOf = (guests: number, ramBytes = 128n * mib): SystemDescription => ({
  arch: 'aarch64',
  memoryRegions: Array.from({ length: guests }, (_, i) => ({ name: `ram${i}`, size: bytes(ramBytes) })),
  protectionDomains: [
    ...Array.from({ length: guests }, (_, i) => ({
      ...pd(`vmm${i}`),
      virtualMachine: { name: `vm${i}`, vcpus: [{ id: 0 }], maps: [] },
    })),
    pd('driver'),
  ],
  channels: [],
});
const pd = (name: string): SystemDescription['protectionDomains'][number] => ({
  name,
  programImage: `${name}.elf`,
  maps: [],
  children: [],
  irqs: [],
  setvars: [],
});

const inputs = (guests: number, more: Partial<MemoryInputs> = {}): MemoryInputs => ({
  sdk,
  loadAddress: 0x7000_0000n,
  system: systemOf(guests),
  guestFilesBytes: 41n * mib,
  ...more,
});

describe('the sums', () => {
  it('a guest more costs its files twice, its RAM, and a little', () => {
    const [two, three] = [addUpMemory(inputs(2)), addUpMemory(inputs(3))];
    const image = three.imageBytes - two.imageBytes;
    expect(image).toBeGreaterThan(42n * mib);
    expect(image).toBeLessThan(44n * mib);
    const ram = three.ramBytes - two.ramBytes;
    expect(ram).toBeGreaterThan(image + (128n + 41n) * mib);
    expect(ram).toBeLessThan(image + (128n + 42n) * mib);
  });

  it('names are not kept in release', () => {
    const release = addUpMemory(inputs(2, { sdk: { ...sdk, config: 'release' } }));
    const saved = addUpMemory(inputs(2)).imageBytes - release.imageBytes;
    expect(saved).toBeGreaterThan(mib / 2n);
    expect(saved).toBeLessThan(mib);
  });

  it('regions with an address count only if it is normal memory', () => {
    const at = (address: bigint): bigint => {
      const system = systemOf(2);
      const region = { name: 'x', size: bytes(64n * mib), paddr: paddr(address) };
      return addUpMemory(
        inputs(2, { system: { ...system, memoryRegions: [...system.memoryRegions, region] } }),
      ).ramBytes;
    };
    expect(at(0x9000_0000n) - at(0x5000_0000n)).toBe(64n * mib);
  });
});

describe('the room of the image', () => {
  it('lies between kernel and loader', () => {
    expect(addUpMemory(inputs(2)).imageRoom).toEqual({ start: 0x6025_d000n, end: 0x7000_0000n });
  });

  it('ends with the memory if the loader is elsewhere', () => {
    expect(addUpMemory(inputs(2, { loadAddress: 0x5000_0000n })).imageRoom.end).toBe(0xc000_0000n);
  });

  it('is the first stretch that is large enough, else the largest', () => {
    const memory = [
      { start: 0n, end: 80n * mib },
      { start: 83n * mib, end: 400n * mib },
    ];
    const kernelImage = { start: 0n, end: 2n * mib };
    const room = (guests: number) =>
      addUpMemory(inputs(guests, { sdk: { ...sdk, memory, kernelImage }, loadAddress: 300n * mib }))
        .imageRoom;
    expect(room(1)).toEqual({ start: 2n * mib, end: 80n * mib });
    expect(room(2)).toEqual({ start: 83n * mib, end: 300n * mib });
    expect(room(12)).toEqual({ start: 83n * mib, end: 300n * mib });
  });
});

describe('the refusal', () => {
  const check = (count: number, more: Partial<MemoryInputs> = {}): (string | undefined)[][] =>
    checkMemory((guests) => addUpMemory({ ...inputs(guests), ...more, system: systemOf(guests) }), {
      count,
      min: 2,
      board: 'a_board',
    }).map(({ code, message, hint }) => [code, message, hint]);

  it('none while both sums fit', () => {
    expect(check(5)).toEqual([]);
  });

  it('names both sums, both limits and how many fit', () => {
    expect(check(6)).toEqual([
      [
        'MEM101',
        expect.stringMatching(
          /^6 guests are too many for 'a_board': the image takes about 25\d\.\d MiB of the 253\.6 MiB in \[0x6025d000\.\.0x70000000\), between kernel and loader, and the system about 12\d\d\.\d MiB of 1536\.0 MiB RAM; 5 fit$/,
        ),
        'use --vms 5',
      ],
    ]);
    expect(check(16)[0]?.[2]).toBe('use --vms 5');
  });

  it('RAM alone can be too little', () => {
    const small = { guestFilesBytes: 3n * mib };
    expect(check(11, small)).toEqual([]);
    expect(check(12, small)[0]?.[1]).toMatch(/the system about 16\d\d\.\d MiB of 1536\.0 MiB RAM; 11 fit$/);
  });

  it('a kernel that is too large for any number', () => {
    expect(check(3, { guestFilesBytes: 200n * mib })[0]?.slice(1)).toEqual([
      expect.stringMatching(/; not even 2 fit$/),
      'use a smaller kernel or initrd',
    ]);
    expect(check(2, { guestFilesBytes: 200n * mib })).toHaveLength(1);
  });

  it('of a system of the user: both sums, and the line', () => {
    const place = { file: 'my.ts', line: 7, column: 5 };
    const check = (guests: number) =>
      checkOwnMemory(addUpMemory(inputs(guests)), { guests, board: 'a_board', place });
    expect(check(5)).toEqual([]);
    expect(check(6)).toMatchObject([
      {
        code: 'MEM102',
        message: expect.stringMatching(
          /^the system, with 6 Linux guests, is too large for 'a_board': the image takes about 25\d\.\d MiB of the 253\.6 MiB /,
        ) as string,
        place,
      },
    ]);
  });

  it('to the byte', () => {
    const need = addUpMemory(inputs(2));
    const exact = { ...need, imageRoom: { start: 0n, end: need.imageBytes }, ramLimitBytes: need.ramBytes };
    expect(isEnough(exact)).toBe(true);
    expect(isEnough({ ...exact, imageBytes: need.imageBytes + 1n })).toBe(false);
    expect(isEnough({ ...exact, ramBytes: need.ramBytes + 1n })).toBe(false);
  });
});
