// SPDX-License-Identifier: BSD-2-Clause
// Compiles the device core into libFuzzer, runs that over programs, and counts which branches a corpus reaches.

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { cFiles, compileObjects, coreDir } from '../compile.ts';
import { countInto, coverageFlags, type FileCoverage, readCoverage } from '../coverage.ts';
import type { Corpus } from './corpus.ts';
import { fuzzDir } from './language.ts';

// Small queues and tables are full soon.
const limits = ['-DVSOCK_QUEUE_SIZE_MAX=16', '-DVSOCK_CREDITS=4'];
const flags = ['-D_GNU_SOURCE', '-g', '-O1', ...limits, `-I${coreDir}`];
const fuzzing = ['-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'];

/** Everything but replay.c, which has a main of its own. */
const harness = cFiles(fuzzDir).filter((path) => basename(path) !== 'replay.c');

export interface Fuzzer {
  readonly program: string;
  /** By source name, for links with another in its place. */
  readonly objects: ReadonlyMap<string, string>;
}

export interface FuzzRun {
  /** What libFuzzer calls a unit: one program from its start to its end. */
  readonly executions: number;
  /** Edges of the instrumented code that were taken. */
  readonly edges: number;
  /** The program that breaks something, if there is one, and what it breaks. */
  readonly crash?: { readonly reproducer: string; readonly output: string };
}

/** Why there can be no fuzzer, if there can be none. */
export async function whyNoFuzzer(clang: string, dir: string): Promise<string | undefined> {
  const input = 'int LLVMFuzzerTestOneInput(const char *data, long size) { return data == 0 && size > 0; }\n';
  const words = [...fuzzing, '-x', 'c', '-', '-o', join(dir, 'probe')];
  const { failed } = await execa(clang, words, { input, reject: false });
  return failed
    ? `${basename(clang)} has no fuzzer runtime; try: apt-get install libclang-rt-14-dev`
    : undefined;
}

export async function buildFuzzer(clang: string, dir: string): Promise<Fuzzer> {
  const objects = await compileObjects(clang, [...cFiles(coreDir), ...harness], dir, [...flags, ...fuzzing]);
  return { program: await link(clang, join(dir, 'fuzzer'), objects), objects };
}

/** The same fuzzer with one source file of the core replaced. */
export async function rebuildFuzzer(
  clang: string,
  dir: string,
  fuzzer: Fuzzer,
  source: string,
): Promise<string> {
  const object = join(dir, 'changed.o');
  await execa(clang, ['-std=c11', '-w', ...flags, ...fuzzing, '-c', source, '-o', object]);
  const objects = new Map(fuzzer.objects).set(basename(source), object);
  return link(clang, join(dir, 'changed-fuzzer'), objects);
}

async function link(clang: string, program: string, objects: ReadonlyMap<string, string>): Promise<string> {
  await execa(clang, [...fuzzing, ...objects.values(), '-o', program]);
  return program;
}

export async function writeCorpus(corpus: Corpus, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const [name, program] of corpus) await writeFile(join(dir, name), program);
}

export interface FuzzOptions {
  readonly corpusDir: string;
  /** Where the program goes that breaks something. */
  readonly crashDir: string;
  /** How long: so many executions of programs that come from a fixed seed, or so many seconds. */
  readonly limit: { readonly runs: number } | { readonly seconds: number };
}

export async function runFuzzer(
  program: string,
  { corpusDir, crashDir, limit }: FuzzOptions,
): Promise<FuzzRun> {
  await mkdir(crashDir, { recursive: true });
  const words = [
    ...('runs' in limit ? [`-runs=${limit.runs}`, '-seed=1'] : [`-max_total_time=${limit.seconds}`]),
    '-max_len=2048',
    '-timeout=60',
    '-detect_leaks=0',
    '-print_final_stats=1',
    `-artifact_prefix=${crashDir}/`,
    corpusDir,
  ];
  const run = await execa(program, words, {
    reject: false,
    all: true,
    env: { ASAN_OPTIONS: 'detect_leaks=0' },
    maxBuffer: 256 * 1024 ** 2,
  });
  const numbers = (pattern: RegExp): number[] =>
    [...run.all.matchAll(pattern)].map((match) => Number(match[1]));
  const found = /Test unit written to (\S+)/.exec(run.all)?.[1];
  return {
    executions: numbers(/stat::number_of_executed_units: (\d+)/g).at(-1) ?? 0,
    edges: numbers(/ cov: (\d+) /g).at(-1) ?? 0,
    ...(run.exitCode === 0 ? {} : { crash: { reproducer: found ?? 'none was written', output: run.all } }),
  };
}

/** Which branches of the core the programs of a folder take. */
export async function coverCorpus(clang: string, dir: string, corpusDir: string): Promise<FileCoverage[]> {
  const objectDir = join(dir, 'counted');
  await mkdir(objectDir);
  const core = await compileObjects(clang, cFiles(coreDir), objectDir, [...flags, ...coverageFlags]);
  const rest = await compileObjects(clang, [...harness, join(fuzzDir, 'replay.c')], objectDir, flags);
  const program = join(objectDir, 'replay');
  await execa(clang, [...coverageFlags, ...core.values(), ...rest.values(), '-o', program]);
  const names = await readdir(corpusDir);
  // Thousands of paths would be too long a command line.
  await execa(program, names, { cwd: corpusDir, env: countInto(objectDir) });
  return readCoverage(clang, program, objectDir, cFiles(coreDir));
}
