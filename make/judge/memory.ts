// SPDX-License-Identifier: BSD-2-Clause
// Every region with an address of its own lies where the kernel lets user space have devices, or in memory that the
// board leaves to such regions.
import { type Diagnostic, formatRange } from '../../meta/diagnostic.ts';
import { errorFinding } from '../../meta/finding.ts';
import type { AddressRange } from '../store/sdk-board.ts';
import type { Evidence } from './evidence.ts';

/** As much of the evidence as it takes. */
interface MemoryEvidence extends Pick<Evidence, 'system' | 'systemPath'> {
  readonly board: Pick<Evidence['board'], 'name' | 'paddrBottom' | 'paddrTop'>;
  readonly sdk: Pick<Evidence['sdk'], 'memory' | 'devices'>;
}

export function judgeMemory({ board, sdk, system, systemPath }: MemoryEvidence): Diagnostic[] {
  const own = { start: board.paddrBottom, end: board.paddrTop };
  return system.regions.flatMap(({ name, size, paddr }) => {
    if (paddr === undefined) return [];
    const range = { start: paddr, end: paddr + size };
    if (isInOneOf(range, sdk.devices)) return [];
    if (isInOneOf(range, sdk.memory) && isInOneOf(range, [own])) return [];
    const shown = formatRange(range.start, range.end);
    return [
      errorFinding(
        'JDG110',
        `region '${name}' ${shown} lies neither in what the SDK calls devices of '${board.name}' nor in the memory ${formatRange(own.start, own.end)} that the board leaves to such regions; memory is ${sdk.memory.map(({ start, end }) => formatRange(start, end)).join(', ')}`,
        {
          hint: `correct the address in board.ts or board.dts of '${board.name}'`,
          place: { file: systemPath },
        },
      ),
    ];
  });
}

export const isInOneOf = ({ start, end }: AddressRange, ranges: readonly AddressRange[]): boolean =>
  ranges.some((range) => start >= range.start && end <= range.end);
