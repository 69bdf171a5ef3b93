// SPDX-License-Identifier: BSD-2-Clause
// How much of the device core a program has run, branch by branch, as clang counts it: compiled with its counters, run,
// merged by llvm-profdata, read by llvm-cov.
//
// One kind of branch is left out of the count: what a switch does with a value that has no case, where the switch is over
// an enum. -Wswitch, an error here, demands a case for every value, so nothing leads there.

import { access, constants, readdir, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';

export const coverageFlags = ['-fprofile-instr-generate', '-fcoverage-mapping'];

export interface FileCoverage {
  readonly name: string;
  /** Both outcomes of each condition, and each case of a switch. */
  readonly branches: number;
  readonly lines: number;
  readonly linesRun: number;
  /** `tx.c:69:13 is never true` */
  readonly missing: readonly string[];
}

const export_ = z.object({
  data: z.tuple([
    z.object({
      files: z.array(
        z.object({
          filename: z.string(),
          branches: z.array(z.array(z.number())),
          summary: z.object({ lines: z.object({ count: z.number(), covered: z.number() }) }),
        }),
      ),
    }),
  ]),
});

/** Why it cannot be measured, if it cannot: LLVM's tools lie beside their clang, its runtime in a package of its own. */
export async function whyNoCoverage(clang: string, dir: string): Promise<string | undefined> {
  const tools = dirname(await realpath(clang));
  for (const tool of ['llvm-profdata', 'llvm-cov']) {
    const usable = await access(join(tools, tool), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (!usable) return `no ${tool} beside ${basename(clang)}; try: apt-get install llvm`;
  }
  const words = [...coverageFlags, '-x', 'c', '-', '-o', join(dir, 'probe')];
  const { failed } = await execa(clang, words, { input: 'int main(void) { return 0; }\n', reject: false });
  return failed
    ? `${basename(clang)} has no profile runtime; try: apt-get install libclang-rt-14-dev`
    : undefined;
}

/** The environment in which a program writes its counters into `dir`. */
export const countInto = (dir: string): NodeJS.ProcessEnv => ({
  LLVM_PROFILE_FILE: join(dir, '%p.profraw'),
});

/** What the runs that left counters in `dir` have covered of `sources`. */
export async function readCoverage(
  clang: string,
  program: string,
  dir: string,
  sources: readonly string[],
): Promise<FileCoverage[]> {
  const tools = dirname(await realpath(clang));
  const raw = (await readdir(dir)).filter((name) => name.endsWith('.profraw')).map((name) => join(dir, name));
  const profile = join(dir, 'merged.profdata');
  await execa(join(tools, 'llvm-profdata'), ['merge', '-sparse', ...raw, '-o', profile]);
  const words = ['export', `-instr-profile=${profile}`, program, ...sources];
  const { stdout } = await execa(join(tools, 'llvm-cov'), words, { maxBuffer: 256 * 1024 ** 2 });
  const { files } = export_.parse(JSON.parse(stdout)).data[0];
  return Promise.all(
    files.map(async ({ filename, branches, summary: { lines } }) => {
      const complete = await completeSwitches(clang, filename);
      const outcomes = branches.flatMap(([line = 0, column = 0, , , whenTrue = 0, whenFalse = 0]) => {
        const place = `${basename(filename)}:${line}:${column}`;
        return [
          ...(complete.has(`${line}:${column}`)
            ? []
            : [{ missing: `${place} is never true`, count: whenTrue }]),
          { missing: `${place} is never false`, count: whenFalse },
        ];
      });
      return {
        name: basename(filename),
        branches: outcomes.length,
        lines: lines.count,
        linesRun: lines.covered,
        missing: outcomes.filter(({ count }) => count === 0).map(({ missing }) => missing),
      };
    }),
  );
}

/**
 * Where the conditions of switches over enums begin, which have a case for every value and no default, as `line:column`.
 * The syntax tree says in the order of the source which ones are over an enum.
 */
async function completeSwitches(clang: string, source: string): Promise<Set<string>> {
  const words = ['-fsyntax-only', '-Xclang', '-ast-dump', '-fno-color-diagnostics', '-std=c11'];
  const { stdout } = await execa(clang, [...words, source], { maxBuffer: 256 * 1024 ** 2 });
  const isOverEnum = stdout
    .split(/^.*-SwitchStmt /m)
    .slice(1)
    .map((tree) => tree.split('\n').slice(1, 3).join('\n').includes("'enum "));
  const lines = (await readFile(source, 'utf8')).split('\n');
  const places = lines.flatMap((line, index) => {
    const [opening] = /^ *switch \(/.exec(line) ?? [];
    return opening === undefined ? [] : [`${index + 1}:${opening.length + 1}`];
  });
  if (places.length !== isOverEnum.length)
    throw new Error(
      `${source} has ${places.length} lines that begin a switch, clang sees ${isOverEnum.length}`,
    );
  return new Set(places.filter((_, index) => isOverEnum[index]));
}

/** One line a file, and the sums. */
export function renderCoverage(files: readonly FileCoverage[]): string {
  const row = ({ name, branches, lines, linesRun, missing }: FileCoverage): string => {
    const run = branches - missing.length;
    const share = branches === 0 ? 100 : (100 * run) / branches;
    return `${name.padEnd(16)} branches ${run} of ${branches} (${share.toFixed(1)} %), lines ${linesRun} of ${lines}`;
  };
  const sum = (of: (file: FileCoverage) => number): number =>
    files.reduce((total, file) => total + of(file), 0);
  const all: FileCoverage = {
    name: 'vmm/vsock',
    branches: sum(({ branches }) => branches),
    lines: sum(({ lines }) => lines),
    linesRun: sum(({ linesRun }) => linesRun),
    missing: files.flatMap(({ missing }) => missing),
  };
  return [...files, all].map((file) => `${row(file)}\n`).join('');
}
