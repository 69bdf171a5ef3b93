// SPDX-License-Identifier: BSD-2-Clause
// One program of a run (a QEMU, sim's back end) with its console on stdout: what comes of it is handed on, and what it
// says on stderr is kept for the day it fails. It does not outlive us.
import { type ProcessEnd, startProcess } from '../run.ts';
import { withoutOrphan } from './orphan.ts';
import { type KeyboardInput, passKeyboard } from './terminal.ts';

export interface MachineOptions {
  readonly tool: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Called with stdout as it comes. What it throws is the resolution of `failed`. */
  readonly onConsole: (chunk: Buffer) => void;
  /** `process.stdin`, to talk to the console. */
  readonly keyboard?: KeyboardInput | undefined;
}

export interface Machine {
  /** Of the program itself (setpriv becomes it); undefined if it could not be started. */
  readonly pid: number | undefined;
  /** Never rejects. The whole process group is gone when it resolves. */
  readonly ended: Promise<ProcessEnd>;
  /** Resolves with the error if the console's bytes could not be kept. */
  readonly failed: Promise<Error>;
  /** The last it said on stderr, on one line; `it said nothing` if so. */
  lastWords(): string;
  /** Ends it, if it has not ended, and gives the terminal back. */
  end(): void;
}

/** What is kept of a program's own messages. */
const maxStderrBytes = 8192;

export async function startMachine(options: MachineOptions): Promise<Machine> {
  const { tool, args, cwd, onConsole, keyboard } = options;
  const running = await startProcess({
    ...withoutOrphan(tool, args),
    cwd,
    stdin: keyboard === undefined ? 'ignore' : 'pipe',
  });
  let messages = '';
  running.stderr?.on('data', (chunk: Buffer) => {
    messages = (messages + chunk.toString('utf8')).slice(-maxStderrBytes);
  });
  const failed = new Promise<Error>((resolve) => {
    running.stdout?.on('data', (chunk: Buffer) => {
      try {
        onConsole(chunk);
      } catch (error) {
        resolve(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
  const release =
    keyboard === undefined || running.stdin === undefined
      ? () => undefined
      : passKeyboard(keyboard, running.stdin, () => process.kill(process.pid, 'SIGINT'));
  return {
    pid: running.pid,
    ended: running.ended,
    failed,
    lastWords: () => lastWords(messages),
    end: () => {
      release();
      running.end();
    },
  };
}

function lastWords(messages: string): string {
  const said = messages
    .split('\n')
    .map((line) => line.trim().replace(/^\S*(?:qemu-system-\w+|vsock-backend): /, ''))
    .filter((line) => line !== '');
  return said.length === 0 ? 'it said nothing' : said.slice(-3).join('; ');
}
