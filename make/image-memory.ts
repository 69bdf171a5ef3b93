// SPDX-License-Identifier: BSD-2-Clause
// What a system takes of a machine's memory, added up before anything is compiled. Pure. Two sums have limits:
//
// * The initial task: the SDK's initialiser, every page of every program (the guests' kernels and initrds are in their
//   VMMs'), and the list of all objects. The loader lies at the board's load address and copies it to the memory behind
//   the kernel, so it ends at the load address, or where that memory does.
// * RAM: kernel and initial task stay where they are; the memory regions, the programs and all kernel objects come to it.
//   (The Microkit tool counts programs twice, though the initialiser maps most of their pages where the loader put them.)
//
// Source: Microkit 2.3.0, tool/microkit/src (loader.rs, capdl/, sel4.rs); the constants were measured there. The sums
// come within 1 % of what the tool says.
import { type Diagnostic, formatRange, type Place } from '../meta/diagnostic.ts';
import { errorFinding } from '../meta/finding.ts';
import { regionLimits } from '../meta/limits.ts';
import { allPds, type MemoryRegion, type SystemDescription } from '../meta/model.ts';
import type { AddressRange, SdkBoard } from './store/sdk-board.ts';

export interface MemoryInputs {
  readonly sdk: Pick<SdkBoard, 'config' | 'memory' | 'kernelImage' | 'initialiserBytes'>;
  /** Where the loader goes. */
  readonly loadAddress: bigint;
  readonly system: SystemDescription;
  /** What each VMM embeds: kernel, initrd and device tree of its guest. */
  readonly guestFilesBytes: bigint;
}

export interface MemoryNeed {
  /** Of the initial task. */
  readonly imageBytes: bigint;
  /** Where it can lie. */
  readonly imageRoom: AddressRange;
  readonly ramBytes: bigint;
  readonly ramLimitBytes: bigint;
}

export function addUpMemory({ sdk, loadAddress, system, guestFilesBytes }: MemoryInputs): MemoryNeed {
  const pds = allPds(system.protectionDomains);
  const programs = [
    ...pds.map(({ virtualMachine }) =>
      virtualMachine === undefined ? smallProgramBytes : vmmProgramBytes + guestFilesBytes,
    ),
    monitorBytes,
  ];
  const programPages = sum(programs.map((size) => divideUp(size, pageBytes)));
  const objects = sum(system.memoryRegions.map(framesOf)) + programPages + objectsPerPd * BigInt(pds.length);
  const specBytes = objects * (sdk.config.includes('debug') ? namedObjectBytes : objectBytes);
  const imageBytes = sdk.initialiserBytes + specBytes + programPages * pageBytes;

  const regions = system.memoryRegions.filter((region) => isNormal(region, sdk.memory));
  return {
    imageBytes,
    imageRoom: findRoom(sdk, loadAddress, imageBytes),
    ramBytes:
      sizeOf(sdk.kernelImage) +
      imageBytes +
      initialTaskObjectBytes +
      programPages * pageBytes +
      sum(regions.map(({ size }) => size)) +
      kernelObjectBytesPerPd * BigInt(pds.length),
    ramLimitBytes: sum(sdk.memory.map(sizeOf)),
  };
}

/** Whether both sums stay within their limits. */
export const isEnough = ({ imageBytes, imageRoom, ramBytes, ramLimitBytes }: MemoryNeed): boolean =>
  imageBytes <= sizeOf(imageRoom) && ramBytes <= ramLimitBytes;

/** Refuses `count` guests of a system that needs too much, and says how many fit; `needOf` adds up for any number. */
export function checkMemory(
  needOf: (count: number) => MemoryNeed,
  { count, min, board }: { readonly count: number; readonly min: number; readonly board: string },
): Diagnostic[] {
  const need = needOf(count);
  if (isEnough(need)) return [];
  let most = count - 1;
  while (most >= min && !isEnough(needOf(most))) most -= 1;
  const way =
    most >= min
      ? { fit: `${most} fit`, hint: `use --vms ${most}` }
      : { fit: `not even ${min} fit`, hint: 'use a smaller kernel or initrd' };
  return [
    errorFinding('MEM101', `${count} guests are too many for '${board}': ${sumsOf(need)}; ${way.fit}`, {
      hint: way.hint,
    }),
  ];
}

/** The same for a system of the user's own, of which nobody knows what it would be with fewer guests. */
export const checkOwnMemory = (
  need: MemoryNeed,
  {
    guests,
    board,
    place,
  }: { readonly guests: number; readonly board: string; readonly place?: Place | undefined },
): Diagnostic[] =>
  isEnough(need)
    ? []
    : [
        errorFinding(
          'MEM102',
          `the system, with ${guests} Linux guests, is too large for '${board}': ${sumsOf(need)}`,
          {
            hint: 'use fewer guests, a smaller kernel or initrd, or smaller memory regions',
            place,
          },
        ),
      ];

function sumsOf({ imageBytes, imageRoom, ramBytes, ramLimitBytes }: MemoryNeed): string {
  const room = formatRange(imageRoom.start, imageRoom.end);
  const image = `the image takes about ${mib(imageBytes)} of the ${mib(sizeOf(imageRoom))} in ${room}, between kernel and loader`;
  return `${image}, and the system about ${mib(ramBytes)} of ${mib(ramLimitBytes)} RAM`;
}

const { pageBytes, largePageBytes } = regionLimits;

/** Code, data and BSS of our VMM without the guest's files: 313 KiB in debug, 288 KiB in release. */
const vmmProgramBytes = 0x5_0000n;
/** Of a driver or virtualiser of sDDF: 25 to 37 KiB. */
const smallProgramBytes = 0x8000n;
const monitorBytes = 0x6000n;
/** An object in the list, with its place in a page table; debug configurations keep its name too. */
const objectBytes = 113n;
const namedObjectBytes = 144n;
/** Objects of a protection domain and its VM that are no pages of programs or regions: page tables, stack, TCB, … */
const objectsPerPd = 32n;
/** What these take: CNodes of 16 KiB, page tables, and some of 4 KiB. */
const kernelObjectBytesPerPd = 0x2_0000n;
/** The initial task's own: a CNode of 2^17 slots of 32 bytes, and its page tables. */
const initialTaskObjectBytes = 0x48_0000n;

/** As the tool has it: large pages where the size allows them. */
const framesOf = ({ size }: MemoryRegion): bigint =>
  size / (size % largePageBytes === 0n ? largePageBytes : pageBytes);

/** Regions with an address outside of normal memory are devices' or DMA's; they take nothing of it. */
const isNormal = ({ paddr }: MemoryRegion, memory: readonly AddressRange[]): boolean =>
  paddr === undefined || memory.some(({ start, end }) => paddr >= start && paddr < end);

/** As the tool chooses: the first stretch of memory behind the kernel that is large enough, else the largest. */
function findRoom(
  { memory, kernelImage }: MemoryInputs['sdk'],
  loadAddress: bigint,
  imageBytes: bigint,
): AddressRange {
  const free = memory.flatMap(({ start, end }): AddressRange[] => {
    const from = start < kernelImage.end ? kernelImage.end : start;
    return from < end ? [{ start: from, end }] : [];
  });
  const largest = free.reduce((a, b) => (sizeOf(b) > sizeOf(a) ? b : a), { start: 0n, end: 0n });
  const { start, end } = free.find((range) => sizeOf(range) >= imageBytes) ?? largest;
  return { start, end: loadAddress >= start && loadAddress < end ? loadAddress : end };
}

const sizeOf = ({ start, end }: AddressRange): bigint => end - start;

const sum = (values: readonly bigint[]): bigint => values.reduce((a, b) => a + b, 0n);

const divideUp = (value: bigint, by: bigint): bigint => (value + by - 1n) / by;

const mib = (sizeBytes: bigint): string => `${(Number(sizeBytes) / 2 ** 20).toFixed(1)} MiB`;
