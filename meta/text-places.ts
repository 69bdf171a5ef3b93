// SPDX-License-Identifier: BSD-2-Clause
// Offsets in a text as lines and columns, both from 1; a column is a character, not a byte.

import type { Place } from './diagnostic.ts';
import { xmlLimits } from './limits.ts';

/** Lines are looked up in a table that is made when the first place is asked for. */
export function placesIn(text: string, file: string): (offset: number) => Place {
  let starts: number[] | undefined;
  return (offset) => {
    starts ??= lineStarts(text);
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    const start = starts[low] ?? 0;
    return { file, line: low + 1, column: countCharacters(text, start, offset) + 1 };
  };
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
