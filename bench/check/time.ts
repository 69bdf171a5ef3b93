// SPDX-License-Identifier: BSD-2-Clause
// How long whole processes take, in turns, so that all of them meet the same machine.
import { spawnSync } from 'node:child_process';
import { errorFinding } from '../../meta/finding.ts';
import { Refusal } from '../../meta/diagnostic.ts';
import { renderRows } from '../vsock/table.ts';

export interface Run {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Before each run, not timed. */
  readonly before?: () => void;
}

export interface Timed {
  readonly name: string;
  /** One per turn. */
  readonly ms: readonly number[];
}

/** No process of a benchmark takes longer; the Microkit tool's longest is known to take 125 s. */
const timeoutMs = 900_000;

/** Refuses BEN102 if a process fails: its time would mean nothing. */
export function timeInTurns(runs: readonly Run[], turns: number, signal: AbortSignal): readonly Timed[] {
  const timed = runs.map(({ name }) => ({ name, ms: [] as number[] }));
  for (let turn = 0; turn < turns; turn += 1)
    for (const [i, run] of runs.entries()) {
      signal.throwIfAborted();
      timed[i]?.ms.push(timeOnce(run));
    }
  return timed;
}

function timeOnce({ name, argv: [command, ...words], env, before }: Run): number {
  before?.();
  const startMs = performance.now();
  const { status, stderr, error } = spawnSync(command, words, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: timeoutMs,
    maxBuffer: 2 ** 26,
  });
  const ms = performance.now() - startMs;
  if (status === 0) return ms;
  throw new Refusal([
    errorFinding('BEN102', `'${name}' ended with ${status ?? error?.message}: ${stderr.slice(-400)}`, {
      hint: `run ${[command, ...words].join(' ')}`,
    }),
  ]);
}

/** Medians and least; what a process takes above `base`, turn by turn. */
export const renderTimes = (timed: readonly Timed[], base: Timed): string =>
  renderRows([
    ['process', 'ms', 'least', `above ${base.name}`, 'least above least'],
    ...timed.map(({ name, ms }) => [
      name,
      medianOf(ms).toFixed(0),
      Math.min(...ms).toFixed(0),
      medianOf(ms.map((one, turn) => one - (base.ms[turn] ?? 0))).toFixed(0),
      (Math.min(...ms) - Math.min(...base.ms)).toFixed(0),
    ]),
  ]);

export const medianOf = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
