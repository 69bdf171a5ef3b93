// SPDX-License-Identifier: BSD-2-Clause
// Compiles the device core and its C tests with whatever clang the host has. Used by the tests and by the mutants.

import { readdirSync, readFileSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

export const coreDir = fileURLToPath(new URL('../../vmm/vsock/', import.meta.url));
export const testDir = fileURLToPath(new URL('.', import.meta.url));

export const noClang = 'no clang on PATH (clang, clang-19 or clang-14); try: apt-get install clang';

export const warnings = ['-std=c11', '-Wall', '-Wextra', '-Werror'];
export const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

/** Every .c file of a directory, sorted, as absolute paths. */
export const cFiles = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.c'))
    .toSorted()
    .map((name) => join(dir, name));

/** The names of all C tests of a directory, in the order of the files that declare them. */
export const testNames = (dir = testDir): string[] =>
  cFiles(dir).flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/^(?:TEST|REFUSED|REFUSED_UP|HARMLESS)\((\w+)[,)]/gm)].map(
      (match) => match[1] ?? '',
    ),
  );

/** Absolute paths of the clangs on PATH, the preferred one first. */
export async function findClangs(): Promise<string[]> {
  const dirs = (process.env['PATH'] ?? '').split(delimiter).filter((dir) => dir !== '');
  const found: string[] = [];
  for (const name of ['clang', 'clang-19', 'clang-14']) {
    for (const dir of dirs) {
      const path = join(dir, name);
      const usable = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (usable) {
        found.push(path);
        break;
      }
    }
  }
  return found;
}

/** Compiles each source to `<out>/<name>.o`, two at a time; returns the objects' paths by source name. */
export async function compileObjects(
  clang: string,
  sources: readonly string[],
  out: string,
  flags: readonly string[],
): Promise<Map<string, string>> {
  const objects = new Map<string, string>();
  const queue = [...sources];
  const worker = async (): Promise<void> => {
    for (let source = queue.shift(); source !== undefined; source = queue.shift()) {
      const object = join(out, `${basename(source, '.c')}.o`);
      await execa(clang, [...warnings, ...flags, '-c', source, '-o', object]);
      objects.set(basename(source), object);
    }
  };
  await Promise.all([worker(), worker()]);
  return objects;
}
