// SPDX-License-Identifier: BSD-2-Clause
// Physical addresses against the board's: Microkit says only at the end of a build that no untyped memory has them.

import { type Diagnostic, formatRange } from '../diagnostic.ts';
import { errorFinding, warningFinding } from '../finding.ts';
import { allPds, type MemoryRegion, type SystemDescription } from '../model.ts';
import type { CheckTarget, PhysicalRange } from './target.ts';

/** Nothing without a board. */
export function checkPhysicalMemory(system: SystemDescription, target: CheckTarget): Diagnostic[] {
  const { memory, devices, ram = [] } = target;
  if (memory === undefined || devices === undefined) return [];
  const board = target.board === undefined ? 'the board' : `board '${target.board}'`;
  const fixed = system.memoryRegions.flatMap((region) =>
    region.paddr === undefined ? [] : [{ region, start: region.paddr, end: region.paddr + region.size }],
  );
  const onDevices = new Set(
    fixed.filter((range) => touches(range, devices) && !isInside(range, ram)).map(({ region }) => region),
  );
  return [
    ...fixed.flatMap((range) => checkRange(range, memory, devices, board)),
    ...findCachedDevices(system, onDevices),
  ];
}

interface RegionRange extends PhysicalRange {
  readonly region: MemoryRegion;
}

function checkRange(
  range: RegionRange,
  memory: readonly PhysicalRange[],
  devices: readonly PhysicalRange[],
  board: string,
): Diagnostic[] {
  const { region, start, end } = range;
  if (isInside(range, memory) || isInside(range, devices)) return [];
  const where = `memory region '${region.name}' ${formatRange(start, end)}`;
  const extra = { hint: 'use addresses of one kind', place: region.place };
  if (touches(range, memory) && touches(range, devices))
    return [
      errorFinding(
        'SDF212',
        `${where} is partly normal memory ${list(memory, range)} and partly devices ${list(devices, range)} of ${board}`,
        extra,
      ),
    ];
  return [
    errorFinding(
      'SDF213',
      `${where} is not in any valid memory region of ${board}: its memory is ${list(memory)}; what is neither that nor a device's is the kernel's`,
      { hint: 'use an address of the board, or leave it out', place: region.place },
    ),
  ];
}

/** Speculation and write buffers do to device registers what no driver expects. */
function findCachedDevices(system: SystemDescription, devices: ReadonlySet<MemoryRegion>): Diagnostic[] {
  return allPds(system.protectionDomains).flatMap(({ name, maps }) =>
    maps
      .filter(({ mr, cached }) => devices.has(mr) && cached !== false)
      .map(({ mr, place }) =>
        warningFinding(
          'SDF214',
          `device memory '${mr.name}' is mapped cached into protection domain '${name}'`,
          {
            hint: 'map it with cached="false"',
            place,
          },
        ),
      ),
  );
}

const touches = ({ start, end }: PhysicalRange, ranges: readonly PhysicalRange[]): boolean =>
  ranges.some((range) => start < range.end && range.start < end);

/** Adjacent ranges count as one. */
function isInside({ start, end }: PhysicalRange, ranges: readonly PhysicalRange[]): boolean {
  let at = start;
  for (const range of ranges.toSorted((a, b) => (a.start < b.start ? -1 : 1)))
    if (range.start <= at && at < range.end) at = range.end;
  return at >= end;
}

function list(ranges: readonly PhysicalRange[], only?: PhysicalRange): string {
  const shown = ranges.filter((range) => only === undefined || touches(only, [range]));
  const head = shown.slice(0, 4).map(({ start, end }) => formatRange(start, end));
  return `${head.join(', ')}${shown.length > head.length ? ', …' : ''}`;
}
