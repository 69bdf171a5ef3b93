// SPDX-License-Identifier: BSD-2-Clause
// Numbers on the command lines of the socket's benchmarks.
import type { BenchWords } from '../harness/words.ts';

/** `1024,65536`: sizes of a write. Refuses BEN101. */
export const parseWrites = (line: BenchWords, text: string): readonly number[] =>
  text.split(',').map((size) => parseCount(line, '--writes', size, { max: 2 ** 20, unit: 8 }));

/** Refuses BEN101. */
export function parseCount(
  line: BenchWords,
  flag: string,
  text: string,
  { max, unit }: { max: number; unit: number },
): number {
  const count = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= max && count % unit === 0) return count;
  const kind = unit === 1 ? 'a number' : `a multiple of ${unit}`;
  return line.refuse(`${flag} is '${text}', expected ${kind} from ${unit} to ${max}`);
}
