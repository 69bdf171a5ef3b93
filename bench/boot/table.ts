// SPDX-License-Identifier: BSD-2-Clause
// From the figures of all boots to a table in Markdown. Of seconds the least counts: what else runs on the machine can
// only add to them.
import type { BootFigures } from './measure.ts';

export interface BootRow {
  readonly name: string;
  /** With QEMU counting, so that nanoseconds are instructions; undefined if that was left out. */
  readonly counted: Pick<BootFigures, 'pid1Ns' | 'loadedNs'> | undefined;
  readonly boots: readonly Pick<BootFigures, 'wallS' | 'cpuS'>[];
}

/** Ratios are of a row's CPU seconds to those of the first. */
export function renderBootTable(rows: readonly BootRow[]): string {
  const head = [
    'configuration',
    'million instructions to PID 1',
    'to modules loaded',
    'CPU s',
    'of the first',
    'wall s',
  ];
  const first = least(rows[0]?.boots.map(({ cpuS }) => cpuS) ?? []);
  const cells = rows.map(({ name, counted, boots }) => {
    const cpuS = least(boots.map((boot) => boot.cpuS));
    return [
      name,
      counted === undefined ? '-' : formatMillions(counted.pid1Ns),
      counted === undefined ? '-' : formatMillions(counted.loadedNs),
      cpuS.toFixed(2),
      `${((100 * cpuS) / first).toFixed(0)} %`,
      least(boots.map(({ wallS }) => wallS)).toFixed(2),
    ];
  });
  const lines = [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...cells];
  return `${lines.map((line) => `| ${line.join(' | ')} |`).join('\n')}\n`;
}

const least = (values: readonly number[]): number => Math.min(...values);
const formatMillions = (count: number): string => (count / 1e6).toFixed(0);
