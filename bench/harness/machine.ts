// SPDX-License-Identifier: BSD-2-Clause
// What figures must be read with: they are of one machine in one state, and of nothing else.
import { availableParallelism, cpus, loadavg, release } from 'node:os';

/** One line of prose, without a name of the machine or a date. `parts` come first: `QEMU 7.2.22`. */
export function describeMachine(parts: readonly string[]): string {
  const model = cpus()[0]?.model.trim() ?? '';
  const load = loadavg()[0]?.toFixed(1) ?? '?';
  return [
    ...parts,
    `host kernel ${release().split('-')[0] ?? ''}`,
    `${availableParallelism()} cores${model === '' ? '' : ` (${model})`}`,
    `load average at start ${load}`,
  ].join(', ');
}
