// SPDX-License-Identifier: BSD-2-Clause
// Compiles the back end twice from the same objects: as the program it is, and with the C tests of this folder, which
// run its guests in their own process. Used by the tests and by the mutants.

import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { cFiles, compileObjects, coreDir, testDir } from '../compile.ts';

export const backEndDir = fileURLToPath(new URL('../../../vmm/host/', import.meta.url));
export const backEndTestDir = fileURLToPath(new URL('.', import.meta.url));

/** QEMU's virtio-mmio lets every driver take queues of 1024. HOLD_US: longer than a test needs for one packet. */
export const hostFlags = [
  '-D_GNU_SOURCE',
  '-pthread',
  '-DVSOCK_QUEUE_SIZE_MAX=1024',
  '-DHOLD_US=20000',
  `-I${coreDir}`,
];

/** Object files, by where their sources are: names repeat. */
export interface HostObjects {
  /** vmm/vsock and vmm/host, by source name. */
  readonly backEnd: ReadonlyMap<string, string>;
  readonly tests: readonly string[];
}

export interface HostPrograms {
  readonly backEnd: string;
  readonly tests: string;
}

export async function compileHost(
  clang: string,
  out: string,
  flags: readonly string[],
): Promise<HostObjects> {
  const compile = async (name: string, sources: readonly string[]): Promise<Map<string, string>> => {
    const dir = join(out, name);
    await mkdir(dir, { recursive: true });
    return compileObjects(clang, sources, dir, [...hostFlags, ...flags]);
  };
  const core = await compile('core', cFiles(coreDir));
  const host = await compile('host', cFiles(backEndDir));
  const shared = await compile(
    'shared',
    ['harness.c', 'guest.c', 'world.c'].map((name) => join(testDir, name)),
  );
  const tests = await compile('tests', cFiles(backEndTestDir));
  return { backEnd: new Map([...core, ...host]), tests: [...shared.values(), ...tests.values()] };
}

/** Links both programs into `out`. */
export async function linkHost(
  clang: string,
  out: string,
  flags: readonly string[],
  objects: HostObjects,
): Promise<HostPrograms> {
  const programs = { backEnd: join(out, 'vsock-backend'), tests: join(out, 'host-tests') };
  const all = [...hostFlags, ...flags];
  // What a program starts with and where its lines go, the tests have their own.
  const inProcess = [...objects.backEnd].filter(([name]) => name !== 'backend.c' && name !== 'report.c');
  await execa(clang, [...all, ...objects.backEnd.values(), '-o', programs.backEnd]);
  await execa(clang, [
    ...all,
    ...inProcess.map(([, object]) => object),
    ...objects.tests,
    '-o',
    programs.tests,
  ]);
  return programs;
}

/** The C tests whose names contain `name`, or all: what they print. */
export async function runHostTests(
  programs: HostPrograms,
  name: string,
  timeoutMs: number,
): Promise<{ readonly exitCode: number | undefined; readonly output: string }> {
  const run = await execa(programs.tests, [name], {
    reject: false,
    all: true,
    timeout: timeoutMs,
    env: { ASAN_OPTIONS: 'detect_leaks=0', VSOCK_BACKEND: programs.backEnd },
  });
  return { exitCode: run.exitCode, output: run.all };
}

/** True if a program built with `flags` links and runs. */
export async function canRun(clang: string, flags: readonly string[], out: string): Promise<boolean> {
  const program = join(out, `probe-${basename(clang)}`);
  const probe = await execa(clang, [...flags, '-x', 'c', '-', '-o', program], {
    input: 'int main(void) { return 0; }\n',
    reject: false,
  });
  if (probe.exitCode !== 0) return false;
  const run = await execa(program, { reject: false });
  return run.exitCode === 0;
}
