// SPDX-License-Identifier: BSD-2-Clause
// Runs an image in QEMU and watches its console: until the guests have proved the transfer, a line has come, the
// deadline has, or QEMU ends. QEMU does not end when the guests do, so the launcher ends it, with all it started.
import { setTimeout as sleep } from 'node:timers/promises';
import { basename } from 'node:path';
import type { Diagnostic } from '../../meta/diagnostic.ts';
import { describeFailure, type ProcessEnd } from '../run.ts';
import { type ConsoleLine, makeDemultiplexer } from './console.ts';
import { openLogs, refuseLogError } from './logs.ts';
import { startMachine } from './machine.ts';
import type { KeyboardInput } from './terminal.ts';
import { aborted, deadline } from './wait.ts';
import { type Expected, type LaunchEnd, makeWatch } from './watch.ts';

export interface LaunchOptions {
  /** Path of QEMU, and its arguments (make/tools/qemu.ts). */
  readonly qemu: string;
  readonly args: readonly string[];
  /** Where `console.log` and `<guest>.log` go. Absolute. */
  readonly logDir: string;
  /** Names of the guests, in the order of their client numbers at the serial virtualiser. */
  readonly guests: readonly string[];
  /** Names of the PDs that may print by the kernel's debug call. */
  readonly pds: readonly string[];
  /** What ends the run; without it, it lasts until QEMU ends or `signal` is aborted. */
  readonly expect?: Expected;
  readonly deadlineMs?: number;
  readonly signal: AbortSignal;
  /** Each line as it completes. */
  readonly onLine?: (line: ConsoleLine) => void;
  /** The serial line's bytes as they come, colours and all, for a terminal that talks to a guest. */
  readonly onBytes?: (chunk: Buffer) => void;
  /** QEMU runs, as this process. */
  readonly onStart?: (pid: number) => void;
  /** `process.stdin`, to talk to the guests. */
  readonly keyboard?: KeyboardInput;
}

/** How long the console may go on after the decision: the rest of a dump, a line that contradicts. */
const settleMs = 300;

/**
 * Throws a Refusal: exit 1 if the guests failed, disagreed or died, or QEMU did; exit 124 at the deadline. Throws
 * `signal.reason` if aborted. In every case QEMU is gone, the terminal is as it was, and the logs are kept.
 */
export async function launchQemu(options: LaunchOptions): Promise<LaunchEnd> {
  const { logDir, signal, expect, deadlineMs } = options;
  signal.throwIfAborted();
  const startMs = performance.now();
  const logs = openLogs(logDir, options.guests);
  const watch = makeWatch(expect, deadlineMs);
  const demultiplexer = makeDemultiplexer({
    clients: options.guests.length,
    pds: options.pds,
    onLine: (line) => {
      logs.line(line);
      options.onLine?.(line);
      watch.see(line);
    },
  });
  const qemu = await startMachine({
    tool: options.qemu,
    args: options.args,
    cwd: logDir,
    keyboard: options.keyboard,
    onConsole: (chunk) => {
      logs.bytes(chunk);
      options.onBytes?.(chunk);
      demultiplexer.write(chunk);
    },
  });
  if (qemu.pid !== undefined) options.onStart?.(qemu.pid);
  const timers = new AbortController();
  try {
    const first = await Promise.race([
      watch.decided.then(() => 'decided' as const),
      qemu.ended,
      qemu.failed,
      aborted(signal, timers.signal),
      deadline(deadlineMs, timers.signal),
    ]);
    if (first === 'decided') await Promise.race([sleep(settleMs), qemu.ended]);
    qemu.end();
    const end = await qemu.ended;
    demultiplexer.end();
    signal.throwIfAborted();
    if (first instanceof Error) refuseLogError(first, logDir);
    const hasEnded = typeof first === 'object' && expect === undefined && describeFailure(end) === undefined;
    return watch.conclude({
      hasEnded,
      death:
        typeof first === 'object' && !hasEnded
          ? describeEnd(basename(options.qemu), end, qemu.lastWords())
          : undefined,
      durationMs: performance.now() - startMs,
      log: logs.consolePath,
    });
  } finally {
    timers.abort();
    qemu.end();
    await qemu.ended;
    logs.close();
  }
}

/** QEMU itself gave up: its own words are the message. */
const describeEnd = (name: string, end: ProcessEnd, words: string): Diagnostic => ({
  code: 'RUN101',
  severity: 'error',
  message: `${name} ${describeFailure(end) ?? 'exited with 0'} before the guests were done: ${words}`,
  hint: /romfile|\.rom\b/.test(words)
    ? 'run: apt install ipxe-qemu'
    : 'run it with -v to see its command line',
});
