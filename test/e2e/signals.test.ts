// SPDX-License-Identifier: BSD-2-Clause
// Signals to the bundled program while a command of its own runs: children end with it, nothing half-written stays, and
// the signal is what a shell sees. Ctrl-C in whole builds and runs: build.test.ts, refusals.test.ts.
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { needTools, processesIn, scratch, vmbuild, type Ended } from './program.ts';

/** Runs `generate` with a dtc that hangs in `hang`, a line of shell; `send` is sent when it is at it. */
async function interrupted(
  directory: string,
  hang: string,
  send: readonly NodeJS.Signals[],
): Promise<Ended & { readonly out: string }> {
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  const out = join(directory, 'out');
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo "Version: DTC 1.7.0"; exit; fi\n: >'${directory}/started'\n${hang}\n`;
  writeFileSync(join(bin, 'dtc'), script, { mode: 0o755 });
  let sent = 0;
  const run = await vmbuild(['generate', '--output', out, '-v'], {
    env: {
      PATH: `${bin}:/usr/bin:/bin`,
      VMBUILD_CACHE: join(directory, 'cache'),
      // Of npm it takes one Ctrl-C more (cli/signals.ts).
      npm_lifecycle_event: undefined,
    },
    onStderr: (text, child) => {
      if (sent > 0 || !text.includes('run dtc board.dtb')) return;
      sent = 1;
      void waitFor(join(directory, 'started')).then(async () => {
        for (const signal of send) {
          child.kill(signal);
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      });
    },
  });
  return { ...run, out };
}

async function waitFor(path: string): Promise<void> {
  for (let i = 0; i < 500; i += 1) {
    try {
      readFileSync(path);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const hang = 'sleep 1000 & wait';
/** One that does not care for SIGTERM and is only ended by force. */
const stubborn = `trap '' TERM; while :; do sleep 1; done`;

it.each([
  ['[Signals] SIGTERM: ends the children and is what the shell sees', ['SIGTERM']],
  ['[Signals] SIGHUP: ends the children and is what the shell sees', ['SIGHUP']],
] as const)('%s', async (_, send) => {
  const directory = scratch();
  const { code, signal, stdout, out } = await interrupted(directory, hang, send);
  expect({ code, signal, stdout }).toEqual({ code: null, signal: send[0], stdout: '' });
  expect(processesIn(directory)).toEqual([]);
  expect(readdirSync(out).filter((name) => name !== '.vmbuild')).toEqual([]);
});

it('[Signals] double Ctrl-C: the second waits for nothing, and a child that ignores the first is gone too', async () => {
  const directory = scratch();
  const { code } = await interrupted(directory, stubborn, ['SIGINT', 'SIGINT']);
  expect(code).toBe(130);
  expect(processesIn(directory)).toEqual([]);
});

it('[Concurrency] two directories, one cache: eight runs that fill it at once do no harm', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const directory = scratch();
  const env = { VMBUILD_CACHE: join(directory, 'cache') };
  const runs = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      vmbuild(['generate', '--output', `out${i}`], { cwd: directory, env }),
    ),
  );
  expect(runs.map(({ code }) => code)).toEqual(Array.from(runs, () => 0));
  expect(readdirSync(join(directory, 'cache'))).toEqual(['probes.json']);
  expect(() => JSON.parse(readFileSync(join(directory, 'cache/probes.json'), 'utf8'))).not.toThrow();
});

it('[Concurrency] two builds in one directory: --no-wait refuses, and names who is at work', async () => {
  const directory = scratch();
  const lock = join(directory, 'out/.vmbuild/lock');
  mkdirSync(lock, { recursive: true });
  // A process of this machine that lives as long as the test.
  const other = spawn('sleep', ['60']);
  writeFileSync(join(lock, 'owner.json'), JSON.stringify({ pid: other.pid, started: 0, host: hostname() }));
  const run = await vmbuild(['generate', '--no-wait', '--output', 'out'], { cwd: directory });
  other.kill();
  expect(run.stderr).toMatch(new RegExp(`error\\[LOCK101\\]: another build \\(pid ${other.pid} on `));
  expect(run.code).toBe(1);
});
