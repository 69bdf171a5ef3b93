// SPDX-License-Identifier: BSD-2-Clause
// Runs the guests without seL4: one QEMU each, and one back end (vmm/host) that plays the socket devices of all of them.
// Watches the consoles as make/launch/qemu.ts does. Whatever happens, every process is gone when this returns.
import { setTimeout as sleep } from 'node:timers/promises';
import { basename, join } from 'node:path';
import { type Diagnostic, Refusal } from '../../meta/diagnostic.ts';
import { describeFailure, type ProcessEnd } from '../run.ts';
import { type ConsoleLine, makeLineReader } from './console.ts';
import { type Logs, openLogs, refuseLogError } from './logs.ts';
import { type Machine, startMachine } from './machine.ts';
import { makeSocketDirectory } from './sockets.ts';
import type { KeyboardInput } from './terminal.ts';
import { aborted, deadline } from './wait.ts';
import { type Expected, type LaunchEnd, makeWatch, type Watch } from './watch.ts';

export interface SimGuest {
  /** Name in logs and lines, e.g. `client_linux0`. */
  readonly name: string;
  readonly cid: number;
  /** QEMU's arguments, given the socket of its device. */
  readonly args: (socket: string) => readonly string[];
}

export interface SimOptions {
  readonly qemu: string;
  readonly backend: string;
  /** Of the back end, beside the guests' sockets. */
  readonly backendArgs: readonly string[];
  readonly guests: readonly SimGuest[];
  /** Where `console.log`, `<guest>.log` and `backend.log` go. Absolute. */
  readonly logDir: string;
  /** What ends the run; without it, it lasts until the guest at the keyboard ends, or `signal` is aborted. */
  readonly expect?: Expected | undefined;
  readonly deadlineMs?: number | undefined;
  readonly signal: AbortSignal;
  readonly onLine?: (line: ConsoleLine) => void;
  /** The guest that has the terminal: its number, where its bytes go, and `process.stdin`. */
  readonly terminal?: SimTerminal | undefined;
}

export interface SimTerminal {
  readonly guest: number;
  readonly onBytes: (chunk: Buffer) => void;
  readonly keyboard: KeyboardInput;
}

/** How long consoles may go on after the decision: a line that contradicts. */
const settleMs = 300;
/** How long the others have, when a guest has died, to say what that did to them. */
const survivorsMs = 2_000;
/** How long the back end may take to open its sockets. */
const readyMs = 10_000;

/**
 * Throws a Refusal: exit 1 if a guest failed, disagreed or died, or the back end did; exit 124 at the deadline. Throws
 * `signal.reason` if aborted.
 */
export async function launchSim(options: SimOptions): Promise<LaunchEnd> {
  const { signal, guests, logDir } = options;
  signal.throwIfAborted();
  const logs = openLogs(logDir, [...guests.map(({ name }) => name), 'backend']);
  const sockets = await makeSocketDirectory();
  const timers = new AbortController();
  const machines: Machine[] = [];
  try {
    return await run({
      ...options,
      logs,
      machines,
      timers,
      socketOf: (guest) => join(sockets.path, `${guest}`),
    });
  } finally {
    timers.abort();
    for (const machine of machines) machine.end();
    for (const machine of machines) await machine.ended;
    await sockets.remove();
    logs.close();
  }
}

interface Run extends SimOptions {
  readonly logs: Logs;
  /** Grows as they are started; the caller ends them. */
  readonly machines: Machine[];
  readonly timers: AbortController;
  readonly socketOf: (guest: number) => string;
}

async function run(run: Run): Promise<LaunchEnd> {
  const { signal, timers, expect, deadlineMs, logDir, logs } = run;
  const startMs = performance.now();
  const watch = makeWatch(expect, deadlineMs);
  const readers: { end(): void }[] = [];
  const read = (speaker: ConsoleLine['speaker']): ReturnType<typeof makeLineReader> => {
    const reader = makeLineReader((text) => {
      keepLine(run, { speaker, text });
      watch.see({ speaker, text });
    });
    readers.push(reader);
    return reader;
  };

  const backend = await startBackend(run, read('system'));
  const deaths = watchDeaths(run, watch, backend, await startGuests(run, read));
  const first = await Promise.race([
    watch.decided.then(() => 'decided' as const),
    deaths.decided,
    ...run.machines.map(({ failed }) => failed),
    aborted(signal, timers.signal),
    deadline(deadlineMs, timers.signal),
  ]);
  if (first === 'decided') await sleep(settleMs);
  run.timers.abort(); // what comes now is of no interest to anybody but the logs
  for (const machine of run.machines) machine.end();
  for (const machine of run.machines) await machine.ended;
  for (const reader of readers) reader.end();
  signal.throwIfAborted();
  if (first instanceof Error) refuseLogError(first, logDir);
  return watch.conclude({
    death: deaths.found[0],
    hasEnded: deaths.hasEnded(),
    durationMs: performance.now() - startMs,
    log: logs.consolePath,
  });
}

/** A line goes into its guest's log and, with its speaker, into the log of all. */
function keepLine({ logs, guests, onLine, timers }: Run, line: ConsoleLine): void {
  const isBackend = line.speaker === 'system';
  const name = line.speaker === 'system' ? 'backend' : (guests[line.speaker]?.name ?? '');
  logs.bytes(Buffer.from(`${name}| ${line.text}\n`));
  logs.line(isBackend ? { ...line, speaker: guests.length } : line);
  if (!timers.signal.aborted) onLine?.(isBackend ? { ...line, text: `backend| ${line.text}` } : line);
}

/** Started, and listening on all sockets. */
async function startBackend(run: Run, reader: ReturnType<typeof makeLineReader>): Promise<Machine> {
  const { backend: tool, backendArgs, guests, socketOf, logDir, signal, timers } = run;
  let resolveReady = (): void => undefined;
  const ready = new Promise<'ready'>((resolve) => {
    resolveReady = () => {
      resolve('ready');
    };
  });
  let said = '';
  const backend = await startMachine({
    tool,
    args: [...backendArgs, ...guests.flatMap(({ cid }, i) => ['--guest', `${cid}=${socketOf(i)}`])],
    cwd: logDir,
    onConsole: (chunk) => {
      if (said.length < 1024) said += chunk.toString('latin1');
      if (/^ready$/m.test(said)) resolveReady();
      reader.write(chunk);
    },
  });
  run.machines.push(backend);
  const first = await Promise.race([
    ready,
    backend.ended,
    deadline(readyMs, timers.signal),
    aborted(signal, timers.signal),
  ]);
  signal.throwIfAborted();
  if (typeof first === 'object') throw new Refusal([describeBackend(first, backend.lastWords())]);
  if (first === 'late') throw new Error(`the back end did not open its sockets within ${readyMs} ms`);
  return backend;
}

async function startGuests(
  run: Run,
  read: (speaker: number) => ReturnType<typeof makeLineReader>,
): Promise<readonly Machine[]> {
  const { guests, qemu, socketOf, logDir, terminal } = run;
  const started: Machine[] = [];
  for (const [i, guest] of guests.entries()) {
    const reader = read(i);
    const mine = terminal?.guest === i ? terminal : undefined;
    const machine = await startMachine({
      tool: qemu,
      args: guest.args(socketOf(i)),
      cwd: logDir,
      keyboard: mine?.keyboard,
      onConsole: (chunk) => {
        mine?.onBytes(chunk);
        reader.write(chunk);
      },
    });
    run.machines.push(machine);
    started.push(machine);
  }
  return started;
}

interface Deaths {
  /** Processes that ended when they should not have, the first one first. */
  readonly found: readonly Diagnostic[];
  /** Resolves when there is one, and the others have had time to say what it did to them; or with `hasEnded`. */
  readonly decided: Promise<void>;
  /** The guest at the terminal, or all, have ended well, and nothing was expected of them. */
  hasEnded(): boolean;
}

function watchDeaths(run: Run, watch: Watch, backend: Machine, guests: readonly Machine[]): Deaths {
  const { terminal, expect, timers } = run;
  const found: Diagnostic[] = [];
  let left = guests.length;
  let hasEnded = false;
  const decided = new Promise<void>((resolve) => {
    const note = async (death: Diagnostic): Promise<void> => {
      if (timers.signal.aborted) return; // we have ended it ourselves
      found.push(death);
      await Promise.race([watch.decided, sleep(survivorsMs, undefined, { ref: false })]);
      resolve();
    };
    void backend.ended.then((end) => note(describeBackend(end, backend.lastWords())));
    for (const [i, guest] of guests.entries())
      void guest.ended.then(async (end) => {
        left -= 1;
        const isWell = describeFailure(end) === undefined;
        if (!isWell || (expect !== undefined && !mayEnd(watch, expect, i, left)))
          await note(describeGuest(run, i, end, guest.lastWords()));
        else if (expect === undefined && (terminal === undefined ? left === 0 : terminal.guest === i)) {
          hasEnded = true;
          resolve();
        }
      });
  });
  return { found, decided, hasEnded: () => hasEnded };
}

/** A guest powers itself off when it has reported; with a pattern, when it likes, as long as one is left to match it. */
const mayEnd = (watch: Watch, expect: Expected, guest: number, left: number): boolean =>
  'verdict' in expect ? watch.hasReported(guest) : left > 0;

function describeGuest({ guests, qemu }: Run, index: number, end: ProcessEnd, words: string): Diagnostic {
  const { name, cid } = guests[index] ?? { name: '', cid: 0 };
  const how = describeFailure(end);
  const message =
    how === undefined
      ? 'powered itself off or was reset before it was done'
      : `is gone: its ${basename(qemu)} ${how}: ${words}`;
  return {
    code: 'SIM101',
    severity: 'error',
    message: `guest '${name}' (CID ${cid}) ${message}`,
    hint: hintFor(words),
  };
}

function hintFor(words: string): string {
  if (/allocate memory|out of memory/i.test(words)) return 'free some memory, or run fewer guests with --vms';
  if (/vhost-user-vsock-device|memory-backend-memfd/.test(words))
    return "install a QEMU that has vhost-user devices, as Debian's qemu-system-arm does";
  return 'look at its log in the directory of logs';
}

const describeBackend = (end: ProcessEnd, words: string): Diagnostic => ({
  code: 'SIM102',
  severity: 'error',
  message: `the back end of the guests' sockets ${describeFailure(end) ?? 'exited with 0'} before the guests were done: ${words}`,
  hint: 'look at backend.log in the directory of logs; should it have crashed, please report it',
});
