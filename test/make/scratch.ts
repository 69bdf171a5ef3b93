// SPDX-License-Identifier: BSD-2-Clause
// A directory of its own for a test, and fake programs that write down each time they are run.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach } from 'vitest';
import type { Refusal } from '../../meta/diagnostic.ts';
import type { BuildEvent } from '../../make/events.ts';
import { runSteps, type RunOptions } from '../../make/engine.ts';
import type { Step } from '../../make/step.ts';

const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A fresh directory, removed after the test. `name` is its last component. */
export function scratchDir(name = 'build'): string {
  const outer = mkdtempSync(join(tmpdir(), 'vmbuild-test-'));
  made.push(outer);
  const directory = join(outer, name);
  mkdirSync(directory);
  return directory;
}

export function write(directory: string, name: string, text: string | Uint8Array): string {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

export const read = (directory: string, name: string): string => readFileSync(join(directory, name), 'utf8');

/** An executable `sh` script in `directory`; it notes its arguments in `<name>.runs` first. */
export function fakeTool(directory: string, name: string, body: string): string {
  // Quoting for sh: the only character that ends single quotes is the quote itself.
  const runs = `'${join(directory, `${name}.runs`).replaceAll("'", `'\\''`)}'`;
  const path = write(directory, name, `#!/bin/sh\necho "$*" >> ${runs}\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** The arguments of each run of a fake tool, in order. */
export function runsOf(directory: string, name: string): string[] {
  const path = join(directory, `${name}.runs`);
  return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
}

/** `tool OUTPUT INPUT…` joins its inputs. An input whose first line is a word in capitals makes it misbehave. */
export const joinTool = (directory: string): string =>
  fakeTool(
    directory,
    'join-tool',
    `out=$1; shift
     printf 'half' > "$out"
     for input; do
       case "$(head -n 1 "$input")" in
         FAIL) echo "cannot join $input" >&2; exit 3;;
         HANG) echo $$ >> "$0.pids"; sleep 1000;;
         SEGV) kill -SEGV $$;;
         FLOOD) head -c 100000000 /dev/zero | tr '\\0' x >&2; echo the end >&2;;
         NOTHING) rm "$out"; exit 0;;
       esac
     done
     cat "$@" > "$out"`,
  );

/** A step of the join tool. */
export const joinStep = (tool: string, output: string, inputs: readonly string[]): Step => ({
  name: output,
  action: { kind: 'exec', tool, args: [output, ...inputs] },
  inputs,
  outputs: [output],
});

/** Runs the steps; a Refusal comes back as a value, beside all events. */
export async function build(
  steps: readonly Step[],
  options: RunOptions,
): Promise<{ ran: string[]; fresh: string[]; skipped: string[]; events: BuildEvent[]; refusal?: Refusal }> {
  const events: BuildEvent[] = [];
  const names = (kind: BuildEvent['kind']): string[] =>
    events.flatMap((event) => ('step' in event && event.kind === kind ? [event.step.name] : []));
  let refusal: Refusal | undefined;
  try {
    await runSteps(steps, { jobs: 2, ...options, onEvent: (event) => events.push(event) });
  } catch (error) {
    if (!(error instanceof Error && error.name === 'Refusal')) throw error;
    refusal = error as Refusal;
  }
  const lists = { ran: names('finished'), fresh: names('fresh'), skipped: names('skipped') };
  return { ...lists, events, ...(refusal === undefined ? {} : { refusal }) };
}

/** Live processes that run something of `directory`, or in it; zombies, which wait for init, do not count. */
export function processesOf(directory: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        const state = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '')[0];
        if (state === 'Z') return false;
        const cwd = readlinkSync(`/proc/${pid}/cwd`);
        return cwd.startsWith(directory) || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory);
      } catch {
        return false; // gone in between
      }
    })
    .map(Number);
}

/** Waits until `condition` holds; fails the test by its timeout if it never does. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}
