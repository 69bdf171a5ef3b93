// SPDX-License-Identifier: BSD-2-Clause
// One boot of two guests, of which one says how late it wakes up, and then both wait: how late, and what QEMU used of
// the processors meanwhile. QEMU is gone when this returns, whatever happens.
import { launchQemu } from '../../make/launch/qemu.ts';
import { imageLaunch, type Mode, nameOf } from '../sel4/boot.ts';
import type { Sel4Bench } from '../sel4/plan.ts';
import { cpuSecondsOf } from '../vsock/cpu.ts';

export interface IdleFigures {
  readonly mode: Mode;
  readonly meanUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Percent of one processor; not measured with -icount, where waiting takes no time. */
  readonly cpuPercent: number | undefined;
}

export interface IdleBoot {
  readonly mode: Mode;
  readonly image: Sel4Bench;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly onLine: (who: string, text: string) => void;
}

export async function measureIdle({
  mode,
  image,
  deadlineMs,
  signal,
  onLine,
}: IdleBoot): Promise<IdleFigures> {
  let qemu = 0;
  let begin: Moment | undefined;
  let end: Moment | undefined;
  let late: readonly number[] = [];
  await launchQemu({
    ...imageLaunch(image, mode),
    expect: { pattern: mode === 'icount' ? /^idle bench: begin$/ : /^idle bench: done$/ },
    deadlineMs,
    signal,
    onStart: (pid) => {
      qemu = pid;
    },
    onLine: ({ speaker, text }) => {
      onLine(nameOf(image, speaker), text);
      if (text === 'idle bench: begin') begin = momentOf(qemu);
      if (text === 'idle bench: done') end = momentOf(qemu);
      late = parseLate(text) ?? late;
    },
  });
  const [meanUs = NaN, p50Us = NaN, p99Us = NaN] = late;
  return { mode, meanUs, p50Us, p99Us, cpuPercent: percentBetween(begin, end) };
}

/** Mean, median and 99th percentile, in microseconds. */
export function parseLate(text: string): readonly number[] | undefined {
  const match = /^idle bench: late sleeps=\d+ mean_us=(\d+) p50_us=(\d+) p99_us=(\d+)$/.exec(text);
  return match?.slice(1).map(Number);
}

interface Moment {
  readonly wallMs: number;
  readonly cpuS: number;
}

const momentOf = (pid: number): Moment => ({ wallMs: performance.now(), cpuS: cpuSecondsOf(pid) });

const percentBetween = (begin: Moment | undefined, end: Moment | undefined): number | undefined =>
  begin === undefined || end === undefined
    ? undefined
    : ((end.cpuS - begin.cpuS) * 100_000) / (end.wallMs - begin.wallMs);
