// SPDX-License-Identifier: BSD-2-Clause
// What a process has used of the processors so far.
import { readFileSync } from 'node:fs';

/** USER_HZ, which Linux shows to programs whatever its own clock does. */
const ticksPerS = 100;

/** User and system seconds of all its threads, in steps of 10 ms; 0 once it is gone. */
export function cpuSecondsOf(pid: number): number {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return 0;
  }
  // proc(5), fields 14 and 15, counted from the third, since the second, in parentheses, may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerS;
}
