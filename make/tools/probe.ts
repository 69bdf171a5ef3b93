// SPDX-License-Identifier: BSD-2-Clause
// What a program says of its version, asked once per program: the answer is kept in the store with how the program's
// file looked, so that a second build starts nothing.
import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeFailure, runCommand } from '../run.ts';
import { replaceFile } from '../temporary.ts';

export interface Probe {
  /** All that `--version` printed; undefined if it failed. */
  readonly text?: string;
  /** `exited with 1`, `was ended by SIGILL`; undefined if it worked. */
  readonly failure?: string;
}

/** The targets of clang are asked for as well: one that was built without AArch64 compiles nothing for us. */
export type Question = '--version' | '--print-targets';

/** A program that does not answer within this hangs. */
const timeoutMs = 20_000;
/** Much more than the programs of a machine; a file beyond it is not ours. */
const maxEntries = 500;

export interface Prober {
  /** `path` may be a link; the program may look at the name by which it is called. */
  ask(path: string, question?: Question): Promise<Probe>;
  /** Keeps the new answers. A store that cannot be written only costs time. */
  save(): Promise<void>;
}

export async function makeProber(cache: string): Promise<Prober> {
  const file = join(cache, 'probes.json');
  const known = await readProbes(file);
  let changed = false;
  return {
    ask: async (path, question = '--version') => {
      const { size, mtimeMs, ctimeMs, ino } = await stat(path);
      const name = question === '--version' ? path : `${question} ${path}`;
      const key = [name, size, mtimeMs, ctimeMs, ino].join(' ');
      const before = known.get(key);
      if (before !== undefined) return { text: before };
      const probe = await run(path, question);
      // Failures are not kept: they may be the machine's (no memory) and not the program's.
      if (probe.text !== undefined) {
        for (const old of known.keys()) if (old.startsWith(`${name} `)) known.delete(old);
        known.set(key, probe.text);
        changed = true;
      }
      return probe;
    },
    save: async () => {
      if (!changed) return;
      try {
        await mkdir(dirname(file), { recursive: true });
        await replaceFile(file, JSON.stringify([...known].slice(-maxEntries)));
      } catch {
        // It only saves time.
      }
    },
  };
}

async function run(path: string, question: Question): Promise<Probe> {
  const { end, output } = await runCommand(
    { tool: path, args: [question], cwd: '/' },
    AbortSignal.timeout(timeoutMs),
  );
  const failure = describeFailure(end);
  return failure === undefined ? { text: output.slice(0, 4096) } : { failure };
}

async function readProbes(file: string): Promise<Map<string, string>> {
  try {
    const entries: unknown = JSON.parse(await readFile(file, 'utf8'));
    const isEntry = (entry: unknown): entry is [string, string] =>
      Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'string';
    return new Map(Array.isArray(entries) ? entries.filter(isEntry) : []);
  } catch {
    return new Map(); // absent or damaged: ask again
  }
}
