// SPDX-License-Identifier: BSD-2-Clause
// One boot: a back end, the guest that serves, then the guest that measures, and the figures that come of it. Whatever
// happens, every process is gone when this returns.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeLineReader } from '../../make/launch/console.ts';
import { type Machine, startMachine } from '../../make/launch/machine.ts';
import type { SimGuest } from '../../make/launch/sim.ts';
import { makeSocketDirectory } from '../../make/launch/sockets.ts';
import { describeFailure, type ProcessEnd } from '../../make/run.ts';
import { refuse } from '../../meta/diagnostic.ts';
import type { Backend } from './backends.ts';
import { cpuSecondsOf } from './cpu.ts';
import { type BenchLine, type Counts, parseBenchLine } from './lines.ts';
import { type CountListener, countedBetween, listenForCounts, usedUs } from './meter.ts';
import type { Sample } from './table.ts';

export interface BootOptions {
  readonly run: number;
  readonly qemu: string;
  readonly backend: Backend;
  readonly server: SimGuest;
  readonly client: SimGuest;
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Every line of every process, for people. */
  readonly onLine: (who: string, text: string) => void;
  readonly silenceMs?: number;
}

/** Longer than a boot, and than the guests' own limit for a test that hangs. */
const defaultSilenceMs = 180_000;
/** How long a back end may take to open its sockets. */
const readyMs = 10_000;
/** How long it may take to say its counts: the guests pause for longer (bench/guest/vsock_client.c). */
const countsMs = 100;

/** Refuses BEN102 if a guest or the back end fails, BEN103 if nothing comes for `silenceMs`. */
export async function measureBoot(options: BootOptions): Promise<readonly Sample[]> {
  const sockets = await makeSocketDirectory();
  const machines: Machine[] = [];
  try {
    return await measure({ ...options, machines, sockets: sockets.path });
  } finally {
    for (const machine of machines) machine.end();
    for (const machine of machines) await machine.ended;
    await sockets.remove();
  }
}

interface Boot extends BootOptions {
  /** Grows as they are started; the caller ends them. */
  readonly machines: Machine[];
  readonly sockets: string;
}

/** `cpuS`: what the back end had used when the line came. */
type Heard = { readonly who: string; readonly cpuS: number } & (
  | { readonly kind: 'line'; readonly line: BenchLine }
  | { readonly kind: 'ended'; readonly how: string }
);

async function measure(boot: Boot): Promise<readonly Sample[]> {
  const { run, backend, qemu, server, client } = boot;
  const inbox = makeInbox<Heard>();
  const guests = [server, client].map(({ cid }, i) => ({ cid, socket: join(boot.sockets, String(i)) }));
  const counts = listenForCounts();
  const pid = await startBackend(boot, inbox, guests, counts);
  const qemus: (number | undefined)[] = [];
  const startGuest = async (guest: SimGuest, index: number): Promise<void> => {
    const args = guest.args(guests[index]?.socket ?? '');
    qemus[index] = (await start(boot, inbox, { who: guest.name, tool: qemu, args, backend: pid })).pid;
  };
  /** Of both guests, while they pause after a line. */
  const meter = async (): Promise<readonly Counts[]> => {
    const used = guests.map(({ cid }, i) => usedUs({ cid, qemu: qemus[i], backend: pid }));
    if (backend.counts) await askForCounts(pid, counts, guests.length);
    return guests.map(({ cid }, i) => ({ ...counts.countsOf(cid), ...used[i] }));
  };

  await startGuest(server, 0);
  const samples: Sample[] = [];
  let begunCpuS = 0;
  let begun: readonly Counts[] = [];
  for (;;) {
    const heard = await inbox.next(boot.silenceMs ?? defaultSilenceMs, boot.signal);
    if (heard === undefined) return refuseSilence(boot, samples);
    if (heard.kind === 'ended') return refuseFailed(backend.name, heard.who, heard.how);
    const { line, who, cpuS } = heard;
    switch (line.kind) {
      case 'listening':
        await startGuest(client, 1); // not before: rust-vmm's back end never gets over a packet to a driver that is not up
        break;
      case 'begin':
        begunCpuS = cpuS;
        begun = await meter();
        break;
      case 'result': {
        const [ofServer, ofClient] = (await meter()).map((end, i) => countedBetween(begun[i] ?? {}, end));
        const ends = { server: ofServer ?? {}, client: ofClient ?? {} };
        samples.push({ ...line, run, backend: backend.name, cpuS: cpuS - begunCpuS, ...ends });
        break;
      }
      case 'counted': // by VMMs, of which there are none here
        break;
      case 'failed':
        return refuseFailed(backend.name, who, line.reason);
      case 'done':
        return samples;
    }
  }
}

const refuseFailed = (backend: string, who: string, how: string): never =>
  refuse('BEN102', `with the back end '${backend}', ${who} failed: ${how}`, {
    hint: 'use --verbose to see all that the guests and the back end say',
  });

const refuseSilence = ({ backend, silenceMs = defaultSilenceMs }: Boot, samples: readonly Sample[]): never =>
  refuse(
    'BEN103',
    `with the back end '${backend.name}', no line came for ${silenceMs / 1000} s after ${samples.length} tests`,
    { hint: 'use --verbose to see all that the guests and the back end say' },
  );

/** Its pid, once it listens. */
async function startBackend(
  boot: Boot,
  inbox: Inbox<Heard>,
  guests: readonly { readonly cid: number; readonly socket: string }[],
  counts: CountListener,
): Promise<number> {
  const { backend, signal } = boot;
  let isReady = false;
  const machine = await start(boot, inbox, {
    who: 'the back end',
    tool: backend.tool,
    args: backend.args(guests),
    onText: (text) => {
      isReady ||= text === 'ready';
      counts.hear(text);
    },
  });
  const deadlineMs = performance.now() + readyMs;
  while (!isReady) {
    const end = await Promise.race([machine.ended, sleep(20, undefined, { signal })]);
    if (end !== undefined) refuseFailed(backend.name, 'the back end', describeEnd(end, machine));
    if (performance.now() > deadlineMs)
      refuseFailed(backend.name, 'the back end', `it opened no sockets within ${readyMs / 1000} s`);
    if (!backend.saysReady) isReady = guests.every(({ socket }) => existsSync(socket));
  }
  return machine.pid ?? 0;
}

/** Until our back end has said what it has counted so far, or has not in time: then its counts are older. */
async function askForCounts(pid: number, counts: CountListener, guests: number): Promise<void> {
  const expected = counts.reports() + guests;
  const deadlineMs = performance.now() + countsMs;
  process.kill(pid, 'SIGUSR1');
  while (counts.reports() < expected && performance.now() < deadlineMs) await sleep(1);
}

interface Part {
  readonly who: string;
  readonly tool: string;
  readonly args: readonly string[];
  /** Pid of the process whose time is looked at with every line. */
  readonly backend?: number;
  readonly onText?: (text: string) => void;
}

/** Starts a process of the boot; its lines and its end go to the inbox. */
async function start(boot: Boot, inbox: Inbox<Heard>, part: Part): Promise<Machine> {
  const { who, backend, onText } = part;
  const cpu = (): number => (backend === undefined ? 0 : cpuSecondsOf(backend));
  const reader = makeLineReader((text) => {
    boot.onLine(who, text);
    onText?.(text);
    const line = parseBenchLine(text);
    if (line !== undefined) inbox.put({ kind: 'line', who, line, cpuS: cpu() });
  });
  const machine = await startMachine({
    tool: part.tool,
    args: part.args,
    cwd: boot.cwd,
    onConsole: reader.write,
  });
  boot.machines.push(machine);
  void machine.ended.then((end) => {
    reader.end();
    inbox.put({ kind: 'ended', who, how: describeEnd(end, machine), cpuS: 0 });
  });
  return machine;
}

const describeEnd = (end: ProcessEnd, machine: Machine): string =>
  `it ${describeFailure(end) ?? 'ended too early'}: ${machine.lastWords()}`;

interface Inbox<T> {
  put(value: T): void;
  /** The next value, in order; undefined if none comes in time. Throws `signal.reason` if aborted. */
  next(timeoutMs: number, signal: AbortSignal): Promise<T | undefined>;
}

function makeInbox<T>(): Inbox<T> {
  const values: T[] = [];
  let wake = (): void => undefined;
  return {
    put: (value) => {
      values.push(value);
      wake();
    },
    next: async (timeoutMs, signal) => {
      if (values.length === 0) {
        const waiting = new AbortController();
        wake = () => {
          waiting.abort();
        };
        const ends = AbortSignal.any([waiting.signal, signal]);
        await sleep(timeoutMs, undefined, { signal: ends }).catch(() => undefined);
      }
      signal.throwIfAborted();
      return values.shift();
    },
  };
}
