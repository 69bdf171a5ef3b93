// SPDX-License-Identifier: BSD-2-Clause
// The memory that an image ought to consist of: regions of the description, and what Microkit adds to each protection
// domain (stack, IPC buffer, the pages of its program). Each is an array of frames of one size.

import type { Place } from '../diagnostic.ts';
import { allPds, type Mapping, type MemoryRegion, type SystemDescription } from '../model.ts';
import { alignDown, alignUp, hex } from '../units.ts';
import { type Because, because } from './because.ts';
import type { ExpectOptions } from './expect.ts';
import {
  type ExpectedFill,
  type ExpectedMemory,
  type ExpectedRange,
  rightsOf,
  smallPages,
} from './expected.ts';
import { sizes } from './microkit.ts';
import type { Program } from './program.ts';

export interface Memories {
  readonly all: Set<ExpectedMemory>;
  readonly ofRegion: (region: MemoryRegion) => ExpectedMemory;
  readonly add: (memory: ExpectedMemory) => ExpectedMemory;
}

export function expectMemories(system: SystemDescription, options: ExpectOptions): Memories {
  const all = new Set<ExpectedMemory>();
  const add = (memory: ExpectedMemory): ExpectedMemory => {
    all.add(memory);
    return memory;
  };
  const told = toldAddresses(system);
  const byName = new Map(
    system.memoryRegions.map((region) => [region.name, add(regionMemory(region, told, options))]),
  );
  // A region that is mapped without standing in the list is the checker's finding (SDF301); here it is one of its own.
  const ofRegion = (region: MemoryRegion): ExpectedMemory => {
    const known = byName.get(region.name) ?? add(regionMemory(region, told, options));
    byName.set(region.name, known);
    return known;
  };
  return { all, ofRegion, add };
}

/** Names of regions without an address whose address a program is told: the tool chooses one. */
const toldAddresses = (system: SystemDescription): ReadonlySet<string> =>
  new Set(
    allPds(system.protectionDomains).flatMap(({ setvars }) =>
      setvars.filter(({ regionPaddr }) => regionPaddr.paddr === undefined).map((s) => s.regionPaddr.name),
    ),
  );

function regionMemory(
  region: MemoryRegion,
  told: ReadonlySet<string>,
  { prefills }: ExpectOptions,
): ExpectedMemory {
  const { name, size, paddr, pageSize, prefillPath, prefillBootinfo } = region;
  const fill: ExpectedFill =
    prefillPath !== undefined
      ? { kind: 'file', bytes: prefills?.get(prefillPath) }
      : prefillBootinfo !== undefined
        ? { kind: 'bootinfo', id: bootinfoIds[prefillBootinfo] }
        : { kind: 'none' };
  return {
    name: `memory region '${name}'`,
    owner: 'system',
    sizeBytes: size,
    // The tool takes large pages by itself where size and addresses allow them.
    pageBits:
      pageSize === undefined
        ? [sizes.pageBits, sizes.largePageBits]
        : [pageSize === sizes.pageBytes ? sizes.pageBits : sizes.largePageBits],
    paddr: paddr ?? (told.has(name) ? 'contiguous' : undefined),
    fill,
    frameName: numbered(`frame_mr_${name}`),
    because: because('memory region', `memory region '${name}'`, region.place),
    region: name,
  };
}

const bootinfoIds = {
  x86_vbe: 'X86Vbe',
  x86_mbmmap: 'X86Mbmmap',
  x86_acpi_rsdp: 'X86AcpiRsdp',
  x86_framebuffer: 'X86FrameBuffer',
  x86_tsc_freq: 'X86TscFreq',
  fdt: 'Fdt',
} as const;

/** Stack, IPC buffer: memory of nobody else's, empty, whose frames the tool calls `name`, numbered if it says so. */
export const plainMemory = (options: {
  name: string;
  owner: string;
  sizeBytes: bigint;
  frameName: string;
  isNumbered: boolean;
  because: Because;
}): ExpectedMemory => ({
  name: options.name,
  owner: options.owner,
  sizeBytes: options.sizeBytes,
  pageBits: smallPages,
  paddr: undefined,
  fill: { kind: 'none' },
  frameName: options.isNumbered ? numbered(options.frameName) : () => options.frameName,
  because: options.because,
});

/** A map of the description; `owner` is who has it, as messages call it. */
export const mappedRange = (
  map: Mapping,
  { memories, owner, place }: { memories: Memories; owner: string; place: Place | undefined },
): ExpectedRange => ({
  start: map.vaddr,
  memory: memories.ofRegion(map.mr),
  rights: map.perms.replace('x', ''),
  cached: map.cached ?? true,
  executable: map.perms.includes('x'),
  because: because('map', `map of '${map.mr.name}' at ${hex(map.vaddr)} in ${owner}`, map.place ?? place),
});

export const plainRange = (memory: ExpectedMemory, start: bigint): ExpectedRange => ({
  start,
  memory,
  rights: 'rw',
  cached: true,
  executable: false,
  because: memory.because,
});

/** The pages of a program's segments, in the order in which the tool numbers the frames. */
export function programRanges(
  { segments }: Program,
  { owner, elf, why, add }: { owner: string; elf: number; why: Because; add: Memories['add'] },
): ExpectedRange[] {
  let frames = 0;
  return segments.flatMap(({ vaddr, sizeBytes, isReadable, isWritable, isExecutable }, segment) => {
    if (sizeBytes === 0n) return [];
    const start = alignDown(vaddr, sizes.pageBytes);
    const end = alignUp(vaddr + sizeBytes, sizes.pageBytes);
    const first = frames;
    frames += Number((end - start) / sizes.pageBytes);
    const segmentBecause = { ...why, text: `ELF segment ${segment} of ${why.text}` };
    const memory = add({
      name: segmentBecause.text,
      owner,
      sizeBytes: end - start,
      pageBits: smallPages,
      paddr: undefined,
      fill: { kind: 'elf', elf, segment, offset: vaddr - start, sizeBytes },
      frameName: (index) => numbered(`frame_elf_${owner}`)(first + index),
      because: segmentBecause,
    });
    const rights = rightsOf(isReadable, isWritable);
    return [{ start, memory, rights, cached: true, executable: isExecutable, because: segmentBecause }];
  });
}

const numbered =
  (prefix: string) =>
  (index: number): string =>
    `${prefix}_${String(index).padStart(9, '0')}`;
