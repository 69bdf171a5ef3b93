// SPDX-License-Identifier: BSD-2-Clause
// One boot of one guest, from the start of QEMU until PID 1 says that the modules are loaded; then QEMU is ended.
import { makeLineReader } from '../../make/launch/console.ts';
import { startMachine } from '../../make/launch/machine.ts';
import { deadline } from '../../make/launch/wait.ts';
import { describeFailure } from '../../make/run.ts';
import { refuse } from '../../meta/diagnostic.ts';
import { cpuSecondsOf } from '../vsock/cpu.ts';

export interface BootFigures {
  /** From the start of QEMU until the line came. */
  readonly wallS: number;
  /** User and system time of QEMU until then. */
  readonly cpuS: number;
  /** Of the guest's clock, from the start of QEMU. */
  readonly pid1Ns: number;
  readonly loadedNs: number;
}

export interface BootOptions {
  readonly name: string;
  readonly qemu: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly moduleCount: number;
  readonly signal: AbortSignal;
  readonly onLine: (text: string) => void;
}

/** A boot that counts instructions takes some seconds; this is for one that hangs. */
const limitMs = 180_000;

/** Refuses BEN102 if the guest does not get there. Throws `signal.reason` if aborted. */
export async function measureBoot(options: BootOptions): Promise<BootFigures> {
  const { name, qemu, args, cwd, moduleCount, signal, onLine } = options;
  const timers = new AbortController();
  const startMs = performance.now();
  let pid = 0;
  let resolve: ((figures: BootFigures) => void) | undefined;
  const booted = new Promise<BootFigures>((done) => {
    resolve = done;
  });
  const reader = makeLineReader((text) => {
    const wallS = (performance.now() - startMs) / 1000;
    const cpuS = cpuSecondsOf(pid);
    onLine(text);
    const line = parseBootLine(text);
    if (line?.modules === moduleCount) resolve?.({ wallS, cpuS, ...line });
  });
  const machine = await startMachine({ tool: qemu, args, cwd, onConsole: reader.write });
  pid = machine.pid ?? 0;
  const abort = (): void => {
    machine.end();
  };
  signal.addEventListener('abort', abort);
  try {
    const first = await Promise.race([booted, machine.ended, deadline(limitMs, timers.signal)]);
    signal.throwIfAborted();
    if (first === 'late') return refuseFailed(name, `it was not done after ${limitMs / 1000} s`);
    if ('wallS' in first) return first;
    return refuseFailed(name, `it ${describeFailure(first) ?? 'ended too early'}: ${machine.lastWords()}`);
  } finally {
    signal.removeEventListener('abort', abort);
    timers.abort();
    machine.end();
    await machine.ended;
  }
}

const refuseFailed = (name: string, how: string): never =>
  refuse('BEN102', `with '${name}', the guest failed: ${how}`, {
    hint: 'use --verbose to see all that the guests say',
  });

interface BootLine {
  readonly pid1Ns: number;
  readonly loadedNs: number;
  readonly modules: number;
}

/** What bench/guest/boot_init.c says. */
export function parseBootLine(text: string): BootLine | undefined {
  const found = /^bench boot: hz=(\d+) pid1=(\d+) loaded=(\d+) modules=(\d+)$/.exec(text);
  if (found === null) return undefined;
  const [hz = 0, pid1 = 0, loaded = 0, modules = 0] = found.slice(1).map(Number);
  return hz === 0 ? undefined : { pid1Ns: (pid1 * 1e9) / hz, loadedNs: (loaded * 1e9) / hz, modules };
}
