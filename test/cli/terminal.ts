// SPDX-License-Identifier: BSD-2-Clause
// Runs a program on a terminal of its own (a pty, by script(1) of util-linux), and talks to it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { TestContext } from 'vitest';

const script = '/usr/bin/script';

export interface Talk {
  /** When this has been said since the last answer ... */
  readonly after: string | RegExp;
  /** ... this is typed. `\x03` is Ctrl-C, `\x04` the end of the input. */
  readonly type: string;
}

export interface TerminalEnd {
  /** Of the program; 128 and the signal's number if one ended it. */
  readonly code: number | null;
  /** All that stood on the terminal, its input's echo too. */
  readonly text: string;
}

export function onTerminal(
  ctx: Pick<TestContext, 'skip'>,
  command: readonly string[],
  { env, talk = [] }: { env: Readonly<Record<string, string>>; talk?: readonly Talk[] },
): Promise<TerminalEnd> {
  if (!existsSync(script)) {
    process.stderr.write(`SKIP: no ${script}, which makes a terminal\n`);
    ctx.skip();
  }
  const line = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const child = spawn(script, ['-qefc', `exec ${line}`, '/dev/null'], {
    env: { SHELL: '/bin/sh', TERM: 'xterm', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = [...talk];
  let text = '';
  let heard = 0;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const [next] = waiting;
    if (next === undefined) return;
    const recent = text.slice(heard);
    if (!(typeof next.after === 'string' ? recent.includes(next.after) : next.after.test(recent))) return;
    heard = text.length;
    waiting.shift();
    child.stdin.write(next.type);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, text: text.replaceAll('\r\n', '\n') });
    });
  });
}
