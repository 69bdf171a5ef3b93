// SPDX-License-Identifier: BSD-2-Clause
// Offsets in a text as lines and columns, both from 1; a column is a character, not a byte.

import type { Place } from './diagnostic.ts';
import { xmlLimits } from './limits.ts';

/**
 * Lines are looked up in a table that is made when the first place is asked for, and near the place before: most are asked
 * for in their order.
 */
export function placesIn(text: string, file: string): (offset: number) => Place {
  let starts: number[] | undefined;
  let isWide = false;
  let line = 0;
  return (offset) => {
    if (starts === undefined) {
      starts = lineStarts(text);
      isWide = /[\udc00-\udfff]/.test(text);
    }
    const isNear = (starts[line] ?? 0) <= offset && (starts[line + 1] ?? Infinity) > offset;
    if (!isNear) line = lineOf(starts, offset, line);
    const start = starts[line] ?? 0;
    const column = isWide ? countCharacters(text, start, offset) : offset - start;
    return { file, line: line + 1, column: column + 1 };
  };
}

/** The last line that starts at `offset` or before; `near` is looked at first, and the few behind it. */
function lineOf(starts: readonly number[], offset: number, near: number): number {
  let low = (starts[near] ?? 0) <= offset ? near : 0;
  let high = starts.length;
  for (let step = 1; low + step < high; step *= 2) {
    if ((starts[low + step] ?? 0) > offset) high = low + step;
    else low += step;
  }
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** A line may be the whole file: no more than this much of it is searched for surrogate pairs. */
function countCharacters(text: string, start: number, end: number): number {
  if (end - start > xmlLimits.columnSearch) return end - start;
  let count = 0;
  for (let at = start; at < end; at += 1) if ((text.charCodeAt(at) & 0xfc00) !== 0xdc00) count += 1;
  return count;
}
