// SPDX-License-Identifier: BSD-2-Clause
// What all mutants have in common: a source with one mistake in it, and a judge who says whether a test noticed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, type TestContext } from 'vitest';
import { requireOrSkip } from '../require.ts';
import { findClangs, noClang, sanitizers } from '../vmm/compile.ts';
import { breakSource } from './break.ts';
import type { Mutant } from './mutant.ts';

export interface Trial<Objects> {
  readonly mutants: readonly Mutant[];
  /** The unchanged sources. */
  readonly sourceDir: string;
  /** For the compiler; those of the sanitizers come on top where only these can see a mutant. */
  readonly flags: readonly string[];
  /** Compiles everything once, and makes sure that the tests pass before anything is broken. */
  readonly build: (clang: string, out: string, flags: readonly string[]) => Promise<Objects>;
  /** What speaks against the mutant's being killed, if anything. */
  readonly judge: (attempt: Attempt<Objects>) => Promise<string | undefined>;
  /** Told which mutants survived, before these are an error; only where all were tried. */
  readonly report?: (survivors: ReadonlySet<Mutant>) => void;
}

/** Objects of unchanged sources, and the flags that made them. */
interface Base<Objects> {
  readonly flags: readonly string[];
  readonly objects: Objects;
}

export interface Attempt<Objects> extends Base<Objects> {
  readonly clang: string;
  readonly mutant: Mutant;
  /** It is broken, and lies alone in `dir`. */
  readonly source: string;
  readonly dir: string;
}

/** VMBUILD_MUTANTS=rx.c, or part of a killer's name, tries some of them only. */
const only = process.env['VMBUILD_MUTANTS'] ?? '';

/** Judges all and prints `killed N of N`. */
export async function tryMutants<Objects>(ctx: TestContext, trial: Trial<Objects>): Promise<void> {
  const [clang = ''] = await findClangs();
  requireOrSkip(ctx, 'clang', clang !== '', noClang);
  const mutants = trial.mutants.filter(({ file, killer }) => file === only || killer.includes(only));
  const dir = await mkdtemp(join(tmpdir(), 'vmbuild-mutants-'));
  try {
    const faults = await judgeAll({ ...trial, mutants }, clang, dir);
    const killed = mutants.length - faults.size;
    if (mutants.length === trial.mutants.length) trial.report?.(new Set(faults.keys()));
    process.stdout.write(`killed ${killed} of ${mutants.length}\n`);
    expect([...faults.values()]).toEqual([]);
    expect(killed).toBeGreaterThan(0);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Two at a time: a mutant that hangs waits for its deadline. */
async function judgeAll<Objects>(
  trial: Trial<Objects>,
  clang: string,
  dir: string,
): Promise<Map<Mutant, string>> {
  const base = async (name: string, flags: readonly string[]): Promise<Base<Objects>> => ({
    flags,
    objects: await trial.build(clang, join(dir, name), flags),
  });
  const plain = await base('plain', trial.flags);
  const sanitized = await base('sanitized', [...trial.flags, ...sanitizers]);
  const faults = new Map<Mutant, string>();
  const queue = [...trial.mutants.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, mutant] = next;
      const own = join(dir, `mutant-${index}`);
      const { source, fault: misfit } = await breakSource(trial.sourceDir, mutant, own);
      const attempt = { ...(mutant.sanitize ? sanitized : plain), clang, mutant, source, dir: own };
      const fault = misfit ?? (await trial.judge(attempt));
      if (fault !== undefined)
        faults.set(mutant, `${mutant.file}: ${mutant.why} (${mutant.killer}): ${fault}`);
      await rm(own, { recursive: true, force: true });
    }
  };
  await Promise.all([worker(), worker()]);
  return faults;
}

/** `words`: where the headers are. */
export async function compileMutant(
  { clang, source, dir, flags }: Attempt<unknown>,
  words: readonly string[],
): Promise<{ readonly object: string; readonly fault: string | undefined }> {
  const object = join(dir, 'mutant.o');
  // A mutant may leave a variable unused; that is not what is tested.
  const all = ['-std=c11', '-w', ...words, ...flags, '-c', source, '-o', object];
  const { exitCode, stderr } = await execa(clang, all, { reject: false });
  return { object, fault: exitCode === 0 ? undefined : `it does not compile: ${stderr}` };
}

/** Runs every test that a killer names (`|` separates names): undefined as soon as one fails. */
export async function survives(
  killer: string,
  runTest: (name: string) => Promise<{ readonly exitCode: number | undefined; readonly output: string }>,
): Promise<string | undefined> {
  for (const name of killer.split('|')) {
    const { exitCode, output } = await runTest(name);
    if (/^0 passed, 0 failed/m.test(output)) return `no test is called ${name}`;
    if (exitCode !== 0) return undefined;
  }
  return 'it survives';
}
