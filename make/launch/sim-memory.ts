// SPDX-License-Identifier: BSD-2-Clause
// What N guests cost in this machine's memory, added up before any of them is started.
import { readFileSync } from 'node:fs';
import { constrainedMemory } from 'node:process';
import type { Diagnostic } from '../../meta/diagnostic.ts';
import { errorFinding } from '../../meta/finding.ts';

/** MiB that a QEMU takes beside its guest's RAM, for translated code and itself: 70 measured (7.2, 128 MiB), and some to spare. */
export const qemuOwnMib = 90;

export interface SimMemoryNeed {
  readonly count: number;
  /** RAM of one guest. */
  readonly memoryMib: number;
}

/** Refuses what the machine cannot hold; one that does not say how much it has is trusted. */
export function checkSimMemory(
  { count, memoryMib }: SimMemoryNeed,
  availableMib: number | undefined = availableMemoryMib(),
): readonly Diagnostic[] {
  const eachMib = memoryMib + qemuOwnMib;
  const needMib = count * eachMib;
  if (availableMib === undefined || needMib <= availableMib) return [];
  const fits = Math.floor(availableMib / eachMib);
  return [
    errorFinding(
      'SIM104',
      `${count} guests of ${memoryMib} MiB need ${needMib} MiB with their QEMUs, ${qemuOwnMib} MiB each; this machine has ${availableMib} MiB available`,
      { hint: fits < 2 ? 'free some memory' : `free some memory, or use --vms ${fits}` },
    ),
  ];
}

/** MemAvailable (proc(5)), or what a control group leaves of it. */
function availableMemoryMib(): number | undefined {
  let text: string;
  try {
    text = readFileSync('/proc/meminfo', 'utf8');
  } catch {
    return undefined; // not Linux
  }
  const kib = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN);
  // 0 where no limit is known, and a huge number where there is none.
  const limitBytes = constrainedMemory() || Number.POSITIVE_INFINITY;
  const bytes = Math.min(kib * 1024, limitBytes);
  return Number.isFinite(bytes) ? Math.floor(bytes / 2 ** 20) : undefined;
}
