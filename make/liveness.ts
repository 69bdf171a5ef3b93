// SPDX-License-Identifier: BSD-2-Clause
// Is the process that left something behind still there? A pid alone does not tell: they are reused, in containers at
// once. So what is left behind carries the time at which its process started as well.
import { readFileSync } from 'node:fs';

export interface ProcessName {
  readonly pid: number;
  /** Ticks since boot; 0 where the system does not say. */
  readonly started: number;
}

/** This process. */
export const ourselves: ProcessName = { pid: process.pid, started: startOf(process.pid) ?? 0 };

export function isAlive({ pid, started }: ProcessName): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return started === 0 || (startOf(pid) ?? started) === started;
}

/** Field 22 of /proc/PID/stat (proc(5)). */
function startOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, in parentheses, may hold anything.
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return undefined; // no /proc, or no such process
  }
}
