// SPDX-License-Identifier: BSD-2-Clause
// One boot of the image: what the guests print, as samples. QEMU is gone when this returns, whatever happens.
import { join } from 'node:path';
import type { ConsoleLine } from '../../make/launch/console.ts';
import { launchQemu } from '../../make/launch/qemu.ts';
import { refuse } from '../../meta/diagnostic.ts';
import { cpuSecondsOf } from '../vsock/cpu.ts';
import { type Counts, type Figures, parseBenchLine, type Route, type TestName } from '../vsock/lines.ts';
import type { Sel4Bench } from './plan.ts';

/**
 * How time goes. `icount`: by instructions, two nanoseconds each, so that figures are the same on any machine; it
 * charges nothing for what is dear in emulation or on hardware (switching address spaces, flushing TLBs). `plain`: by
 * the host's clock, at the speed of emulation.
 */
export type Mode = 'icount' | 'plain';
export const modes: readonly Mode[] = ['icount', 'plain'];

/** For QEMU. */
const modeWords: Readonly<Record<Mode, readonly string[]>> = {
  icount: ['-icount', 'shift=1,sleep=off'],
  plain: [],
};

/** What launchQemu() takes of the image. */
export const imageLaunch = (image: Sel4Bench, mode: Mode) => ({
  qemu: image.qemu.path,
  args: [...image.args, ...modeWords[mode]],
  logDir: join(image.buildDir, `logs-${mode}`),
  guests: image.guests,
  pds: image.pds,
});

/** Name of the guest, or `system`. */
export const nameOf = ({ guests }: Sel4Bench, speaker: ConsoleLine['speaker']): string =>
  speaker === 'system' ? 'system' : (guests[speaker] ?? '');

/** One test of one boot. */
export interface Sel4Sample {
  readonly mode: Mode;
  readonly run: number;
  readonly test: TestName;
  readonly route: Route;
  readonly figures: Figures;
  /** What QEMU used of the processors meanwhile, in steps of 10 ms. */
  readonly cpuS: number;
  /** Of the VMM of the guest that sends and measures. */
  readonly client: Counts;
  /** Of the one that receives; empty where the test stayed in one guest. */
  readonly server: Counts;
}

export interface BootOptions {
  readonly mode: Mode;
  readonly run: number;
  readonly bench: Sel4Bench;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly onLine: (who: string, text: string) => void;
}

/** Refuses BEN102 if a guest says that it failed, and what launchQemu() refuses. */
export async function measureSel4(options: BootOptions): Promise<readonly Sel4Sample[]> {
  const { bench, mode, signal, deadlineMs } = options;
  const listener = listenTo(options);
  await launchQemu({
    ...imageLaunch(bench, mode),
    expect: { pattern: /^vsock (?:bench|send|recv): (?:done|FAILED .*)$|faulting PD/ },
    deadlineMs,
    signal,
    onStart: listener.start,
    onLine: listener.hear,
  });
  return listener.samples();
}

interface Heard {
  readonly test: TestName;
  readonly route: Route;
  figures?: Figures;
  /** QEMU's, at the test's begin; then what it used. */
  cpuS: number;
  readonly counts: Readonly<Record<'client' | 'server', Record<string, number>>>;
}

function listenTo({ bench, mode, run, onLine }: BootOptions): {
  readonly start: (pid: number) => void;
  readonly hear: (line: ConsoleLine) => void;
  readonly samples: () => readonly Sel4Sample[];
} {
  const tests: Heard[] = [];
  let failure: string | undefined;
  let qemu = 0;
  return {
    start: (pid) => {
      qemu = pid;
    },
    hear: ({ speaker, text }) => {
      const who = nameOf(bench, speaker);
      onLine(who, text);
      if (/faulting PD/.test(text)) failure ??= text;
      const line = parseBenchLine(text);
      const current = tests.at(-1);
      switch (line?.kind) {
        case 'begin':
          tests.push({
            test: line.test,
            route: line.route,
            cpuS: cpuSecondsOf(qemu),
            counts: { client: {}, server: {} },
          });
          break;
        case 'counted':
          if (current !== undefined)
            Object.assign(speaker === 0 ? current.counts.server : current.counts.client, line.counts);
          break;
        case 'result':
          if (current !== undefined) {
            current.figures = line.figures;
            current.cpuS = cpuSecondsOf(qemu) - current.cpuS;
          }
          break;
        case 'failed':
          failure ??= `${who}: ${line.reason}`;
          break;
        case 'listening':
        case 'done':
        case undefined:
          break;
      }
    },
    samples: () => {
      if (failure !== undefined)
        refuse('BEN102', `on seL4 (${mode}), ${failure}`, {
          hint: 'use --verbose to see all that the guests and the VMMs say',
        });
      return tests.flatMap(({ test, route, figures, cpuS, counts }) =>
        figures === undefined ? [] : [{ mode, run, test, route, figures, cpuS, ...counts }],
      );
    },
  };
}
