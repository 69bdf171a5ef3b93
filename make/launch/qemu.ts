// SPDX-License-Identifier: BSD-2-Clause
// Runs an image in QEMU and watches its console: until the guests have proved the transfer, a line has come, the
// deadline has, or QEMU ends. QEMU does not end when the guests do, so the launcher ends it, with all it started.
import { setTimeout as sleep } from 'node:timers/promises';
import { accessSync, constants } from 'node:fs';
import { basename } from 'node:path';
import { type Diagnostic, exitCode, Refusal } from '../../meta/diagnostic.ts';
import { isSystemError } from '../action.ts';
import { describeFailure, type ProcessEnd, type RunningProcess, startProcess } from '../run.ts';
import { type ConsoleLine, makeDemultiplexer } from './console.ts';
import { type Logs, openLogs } from './logs.ts';
import { type KeyboardInput, passKeyboard } from './terminal.ts';
import { describeSilence, type Expectation, isEvidence, judge, type Verified } from './verdict.ts';

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
  readonly expect?: { readonly verdict: Expectation } | { readonly pattern: RegExp };
  readonly deadlineMs?: number;
  readonly signal: AbortSignal;
  /** Each line as it completes. */
  readonly onLine?: (line: ConsoleLine) => void;
  /** The serial line's bytes as they come, colours and all, for a terminal that talks to a guest. */
  readonly onBytes?: (chunk: Buffer) => void;
  /** `process.stdin`, to talk to the guests. */
  readonly keyboard?: KeyboardInput;
}

export type LaunchEnd =
  | (Verified & { readonly durationMs: number })
  | { readonly kind: 'matched'; readonly line: ConsoleLine; readonly durationMs: number }
  /** QEMU ended by itself, with 0, and nothing else was expected. */
  | { readonly kind: 'ended'; readonly durationMs: number };

/** How long the console may go on after the decision: the rest of a dump, a line that contradicts. */
const settleMs = 300;
/** Lines that a run is judged by; a guest that prints more of them is refused by the first ones already. */
const maxEvidence = 1000;
/** What is kept of QEMU's own messages. */
const maxStderrBytes = 8192;

/**
 * Throws a Refusal: exit 1 if the guests failed, disagreed or died, or QEMU did; exit 124 at the deadline. Throws
 * `signal.reason` if aborted. In every case QEMU is gone, the terminal is as it was, and the logs are kept.
 */
export async function launchQemu(options: LaunchOptions): Promise<LaunchEnd> {
  options.signal.throwIfAborted();
  const startMs = performance.now();
  const logs = openLogsOrRefuse(options);
  const watch = makeWatch(options);
  const demultiplexer = makeDemultiplexer({
    clients: options.guests.length,
    pds: options.pds,
    onLine: (line) => {
      logs.line(line);
      options.onLine?.(line);
      watch.see(line);
    },
  });
  const qemu = await startProcess({
    ...withoutOrphan(options.qemu, options.args),
    cwd: options.logDir,
    stdin: options.keyboard === undefined ? 'ignore' : 'pipe',
  });
  let messages = '';
  qemu.stderr?.on('data', (chunk: Buffer) => {
    messages = (messages + chunk.toString('utf8')).slice(-maxStderrBytes);
  });
  const failed = readConsole(qemu, (chunk) => {
    logs.bytes(chunk);
    options.onBytes?.(chunk);
    demultiplexer.write(chunk);
  });
  const release =
    options.keyboard === undefined || qemu.stdin === undefined
      ? () => undefined
      : passKeyboard(options.keyboard, qemu.stdin, () => process.kill(process.pid, 'SIGINT'));
  const timers = new AbortController();
  try {
    const first = await Promise.race([
      watch.decided.then(() => 'decided' as const),
      qemu.ended,
      failed,
      aborted(options.signal, timers.signal),
      deadline(options.deadlineMs, timers.signal),
    ]);
    if (first === 'decided') await Promise.race([sleep(settleMs), qemu.ended]);
    qemu.end();
    const end = await qemu.ended;
    demultiplexer.end();
    options.signal.throwIfAborted();
    if (first instanceof Error) throw isSystemError(first) ? unwritable(options.logDir, first) : first;
    const durationMs = performance.now() - startMs;
    const ownEnd = typeof first === 'object' ? end : undefined;
    return watch.conclude({ ownEnd, messages, durationMs, logs });
  } finally {
    timers.abort();
    qemu.end();
    release();
    await qemu.ended;
    logs.close();
  }
}

function openLogsOrRefuse({ logDir, guests }: LaunchOptions): Logs {
  try {
    return openLogs(logDir, guests);
  } catch (error) {
    throw isSystemError(error) ? unwritable(logDir, error) : error;
  }
}

const unwritable = (logDir: string, error: Error): Refusal =>
  new Refusal([
    {
      code: 'RUN103',
      severity: 'error',
      message: `cannot write the run's logs in '${logDir}': ${error.message}`,
      hint: 'make room, or build elsewhere with --build-dir',
    },
  ]);

interface Watch {
  see(line: ConsoleLine): void;
  /** Resolves once the run need not go on. */
  readonly decided: Promise<void>;
  conclude(facts: Facts): LaunchEnd;
}

interface Facts {
  /** How QEMU ended, if it did so by itself. */
  readonly ownEnd: ProcessEnd | undefined;
  /** What QEMU said on stderr. */
  readonly messages: string;
  readonly durationMs: number;
  readonly logs: Logs;
}

function makeWatch({ expect, qemu, deadlineMs }: LaunchOptions): Watch {
  const evidence: ConsoleLine[] = [];
  let matched: ConsoleLine | undefined;
  let isOpen = true;
  let resolveDecided = (): void => undefined;
  const decided = new Promise<void>((resolve) => {
    resolveDecided = resolve;
  });
  const decide = (): void => {
    isOpen = false;
    resolveDecided();
  };

  return {
    decided,
    see: (line) => {
      if (expect === undefined) return;
      if ('pattern' in expect) {
        if (matched === undefined && expect.pattern.test(line.text)) matched = line;
        if (matched !== undefined) decide();
      } else if (isEvidence(line) && evidence.length < maxEvidence) {
        evidence.push(line);
        if (isOpen && judge(expect.verdict, evidence).kind !== 'open') decide();
      }
    },
    conclude: (facts) => {
      const { durationMs } = facts;
      if (matched !== undefined) return { kind: 'matched', line: matched, durationMs };
      const judgement =
        expect !== undefined && 'verdict' in expect ? judge(expect.verdict, evidence) : undefined;
      if (judgement?.kind === 'verified') return { ...judgement, durationMs };
      const log: Pick<Diagnostic, 'hint'> = { hint: `see '${facts.logs.consolePath}'` };
      if (judgement?.kind === 'refused')
        throw new Refusal(judgement.diagnostics.map((d) => ({ ...d, ...log })));
      if (facts.ownEnd !== undefined) {
        const isSuccess = describeFailure(facts.ownEnd) === undefined;
        if (isSuccess && expect === undefined) return { kind: 'ended', durationMs };
        throw new Refusal([describeEnd(basename(qemu), facts.ownEnd, facts.messages)]);
      }
      const what =
        expect === undefined
          ? 'QEMU was still running'
          : 'pattern' in expect
            ? `no line matched ${String(expect.pattern)}`
            : describeSilence(judgement?.missing ?? [], expect.verdict.parties);
      const message = `after ${Math.round((deadlineMs ?? 0) / 1000)} s, the deadline, ${what}`;
      throw new Refusal([{ code: 'RUN124', severity: 'error', message, ...log }], exitCode.timeout);
    },
  };
}

/** QEMU itself gave up: its own words are the message. */
function describeEnd(name: string, end: ProcessEnd, messages: string): Diagnostic {
  const said = messages
    .split('\n')
    .map((line) => line.trim().replace(/^\S*qemu-system-\w+: /, ''))
    .filter((line) => line !== '');
  const words = said.length === 0 ? 'it said nothing' : said.slice(-3).join('; ');
  const how = describeFailure(end) ?? 'exited with 0';
  return {
    code: 'RUN101',
    severity: 'error',
    message: `${name} ${how} before the guests were done: ${words}`,
    hint: /romfile|\.rom\b/.test(words)
      ? 'run: apt install ipxe-qemu'
      : 'run it with -v to see its command line',
  };
}

/** Resolves with the error if the console's bytes cannot be kept. */
function readConsole(qemu: RunningProcess, take: (chunk: Buffer) => void): Promise<Error> {
  return new Promise((resolve) => {
    qemu.stdout?.on('data', (chunk: Buffer) => {
      try {
        take(chunk);
      } catch (error) {
        resolve(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
}

const deadline = async (ms: number | undefined, signal: AbortSignal): Promise<'late'> => {
  await (ms === undefined ? never(signal) : sleep(ms, undefined, { signal }).catch(() => undefined));
  return 'late';
};

const aborted = async (signal: AbortSignal, done: AbortSignal): Promise<'aborted'> => {
  await never(AbortSignal.any([signal, done]));
  return 'aborted';
};

/** Resolves only when `signal` is aborted. */
const never = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });

/** Where setpriv (util-linux) is, the kernel ends QEMU should this process be killed without a chance to do so. */
function withoutOrphan(tool: string, args: readonly string[]): { tool: string; args: readonly string[] } {
  const setpriv = '/usr/bin/setpriv';
  try {
    accessSync(setpriv, constants.X_OK);
    return { tool: setpriv, args: ['--pdeathsig', 'KILL', '--', tool, ...args] };
  } catch {
    return { tool, args };
  }
}
