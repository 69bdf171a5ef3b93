// SPDX-License-Identifier: BSD-2-Clause
// The only file that starts processes for the build and the launcher. Each gets a process group of its own, so that
// whatever it starts in turn ends with it; nothing reads the terminal unless it is told to.
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from './clock.ts';

export interface ProcessOptions {
  readonly tool: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** `pipe` gives `stdin`; by default there is nothing to read. */
  readonly stdin?: 'ignore' | 'pipe';
}

export type ProcessEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  /** It could not be started; `reason` is the system's, e.g. `ENOENT`. */
  | { readonly kind: 'unstarted'; readonly reason: string };

export interface RunningProcess {
  /** Undefined if it could not be started. */
  readonly pid: number | undefined;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** Never rejects. The whole group is gone when it resolves. */
  readonly ended: Promise<ProcessEnd>;
  /** SIGTERM to the group, SIGKILL after `graceMs`. */
  end(): void;
}

/** How long a group may take to end by itself after SIGTERM. */
const graceMs = 1_000;
/** How long output may still come from a process that left its group, after the one we started has ended. */
const drainMs = 500;

/** What every command sees: no locale, no time zone, none of the user's compiler variables. */
export const commandEnvironment = (): Readonly<Record<string, string>> => {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'USER'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC', SOURCE_DATE_EPOCH: '0' };
};

export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  // execa is imported with the first process: a build that has nothing to do starts sooner.
  const { execa } = await import('execa');
  const child = execa(options.tool, [...options.args], {
    cwd: options.cwd,
    env: { ...commandEnvironment(), ...options.env },
    extendEnv: false,
    stdin: options.stdin ?? 'ignore',
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
  });
  const { pid, stdin, stdout, stderr } = child;
  if (pid !== undefined) groups.add(pid);
  // A reader that goes away (QEMU has ended) is seen by `ended`; the write error says nothing more.
  stdin?.on('error', () => undefined);
  child.once('exit', () => {
    if (pid === undefined) return;
    killGroup(pid, 'SIGKILL');
    const streams = [stdout, stderr];
    setTimeout(() => {
      for (const stream of streams) stream?.destroy();
    }, drainMs).unref();
  });
  const ended = child.then((result): ProcessEnd => {
    if (pid !== undefined) groups.delete(pid);
    if (result.signal !== undefined) return { kind: 'signal', signal: result.signal };
    if (result.exitCode !== undefined) return { kind: 'exit', code: result.exitCode };
    return { kind: 'unstarted', reason: result.code ?? result.shortMessage ?? 'unknown' };
  });
  return {
    pid,
    stdin: stdin ?? undefined,
    stdout: stdout ?? undefined,
    stderr: stderr ?? undefined,
    ended,
    end: () => {
      if (pid === undefined || !groups.has(pid)) return;
      killGroup(pid, 'SIGTERM');
      void Promise.race([ended, sleep(graceMs, undefined, { ref: false })]).then(() => {
        if (groups.has(pid)) killGroup(pid, 'SIGKILL');
      });
    },
  };
}

/** Output of a command: all of it, or its head and tail if it was long. */
export interface CommandResult {
  readonly end: ProcessEnd;
  readonly output: string;
  readonly durationMs: number;
}

/** Half of what is kept of a command's output. */
const maxHalfBytes = 512 * 1024;

/** Runs a command to its end; `signal` ends its group. */
export async function runCommand(options: ProcessOptions, signal?: AbortSignal): Promise<CommandResult> {
  const startMs = nowMs();
  const capture = makeCapture();
  const running = await startProcess(options);
  for (const stream of [running.stdout, running.stderr])
    stream?.on('data', (chunk: Buffer) => {
      capture.add(chunk);
    });
  const onAbort = (): void => {
    running.end();
  };
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted === true) onAbort();
  const end = await running.ended;
  signal?.removeEventListener('abort', onAbort);
  return { end, output: capture.text(), durationMs: nowMs() - startMs };
}

/** `it exited with 1`, `it was ended by SIGSEGV`, `it could not be started: ENOENT`; undefined on success. */
export function describeFailure(end: ProcessEnd): string | undefined {
  if (end.kind === 'signal') return `was ended by ${end.signal}`;
  if (end.kind === 'unstarted') return `could not be started: ${end.reason}`;
  return end.code === 0 ? undefined : `exited with ${end.code}`;
}

/** Groups that live; should this process leave without waiting for them, they end with it. */
const groups = new Set<number>();
process.on('exit', () => {
  for (const pid of groups) killGroup(pid, 'SIGKILL');
});

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: nothing is left of the group; EPERM: nothing that we may end.
  }
}

/** Keeps the first and the last half MiB. */
function makeCapture(): { add(chunk: Buffer): void; text(): string } {
  const first: Buffer[] = [];
  let firstBytes = 0;
  let last: Buffer[] = [];
  let lastBytes = 0;
  let droppedBytes = 0;
  return {
    add: (chunk) => {
      const room = maxHalfBytes - firstBytes;
      if (room > 0) first.push(chunk.subarray(0, room));
      firstBytes += Math.min(room, chunk.length);
      const rest = chunk.subarray(room);
      if (rest.length === 0) return;
      last.push(rest);
      lastBytes += rest.length;
      if (lastBytes <= 2 * maxHalfBytes) return;
      const kept = Buffer.concat(last).subarray(-maxHalfBytes);
      droppedBytes += lastBytes - kept.length;
      last = [Buffer.from(kept)];
      lastBytes = kept.length;
    },
    text: () => {
      const end = Buffer.concat(last).subarray(-maxHalfBytes);
      const dropped = droppedBytes + lastBytes - end.length;
      const middle = dropped === 0 ? '' : `\n[... ${dropped} bytes left out ...]\n`;
      return Buffer.concat(first).toString('utf8') + middle + end.toString('utf8');
    },
  };
}
