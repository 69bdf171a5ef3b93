// SPDX-License-Identifier: BSD-2-Clause
// What all mutants have in common: a source with one mistake in it, and a judge who says whether a test noticed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { breakSource } from './break.ts';
import type { Mutant } from './mutant.ts';

/** Objects of unchanged sources, and the flags that made them. */
export interface Base<Objects> {
  readonly flags: readonly string[];
  readonly objects: Objects;
}

export interface Trial<Objects> {
  readonly mutants: readonly Mutant[];
  /** The unchanged sources. */
  readonly sourceDir: string;
  /** Compiles everything once, and makes sure that the tests pass before anything is broken. */
  readonly build: (out: string, isSanitized: boolean) => Promise<Base<Objects>>;
  /** What speaks against the mutant's being killed, if anything; `source` is broken and lies alone in `dir`. */
  readonly judge: (
    mutant: Mutant,
    source: string,
    dir: string,
    base: Base<Objects>,
  ) => Promise<string | undefined>;
  /** Told which mutants survived, before these are an error. */
  readonly report?: (survivors: ReadonlySet<Mutant>) => void;
}

/** Judges all and prints `killed N of N`. */
export async function tryMutants<Objects>(trial: Trial<Objects>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'vmbuild-mutants-'));
  try {
    const faults = await judgeAll(trial, dir);
    const killed = trial.mutants.length - faults.size;
    trial.report?.(new Set(faults.keys()));
    process.stdout.write(`killed ${killed} of ${trial.mutants.length}\n`);
    expect([...faults.values()]).toEqual([]);
    expect(killed).toBeGreaterThan(0);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Two at a time: a mutant that hangs waits for its deadline. */
async function judgeAll<Objects>(trial: Trial<Objects>, dir: string): Promise<Map<Mutant, string>> {
  const plain = await trial.build(join(dir, 'plain'), false);
  const sanitized = await trial.build(join(dir, 'sanitized'), true);
  const faults = new Map<Mutant, string>();
  const queue = [...trial.mutants.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, mutant] = next;
      const own = join(dir, `mutant-${index}`);
      const fault = await judgeOne(trial, mutant, own, mutant.sanitize ? sanitized : plain);
      if (fault !== undefined)
        faults.set(mutant, `${mutant.file}: ${mutant.why} (${mutant.killer}): ${fault}`);
      await rm(own, { recursive: true, force: true });
    }
  };
  await Promise.all([worker(), worker()]);
  return faults;
}

async function judgeOne<Objects>(
  { sourceDir, judge }: Trial<Objects>,
  mutant: Mutant,
  dir: string,
  base: Base<Objects>,
): Promise<string | undefined> {
  const { source, fault } = await breakSource(sourceDir, mutant, dir);
  return fault ?? judge(mutant, source, dir, base);
}
