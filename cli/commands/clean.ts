// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild clean`: removes what the build directory's own records name, and the logs of runs; a user's file that lies
// beside them stays.
import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { engineDir, recordedOutputs } from '../../make/state.ts';
import { exitCode } from '../../meta/diagnostic.ts';
import { say } from '../report.ts';
import type { Command } from '../vmbuild.ts';

export const run: Command = async ({ settings }) => {
  const buildDir = resolve(settings.text('build-dir') ?? 'build');
  const recorded = await recordedOutputs(buildDir);
  const paths = recorded.map((path) => resolve(buildDir, path)).filter((path) => isInside(buildDir, path));
  if (settings.on('dry-run')) {
    process.stdout.write(paths.map((path) => `${path}\n`).join(''));
    return exitCode.ok;
  }
  for (const path of paths) await rm(path, { force: true });
  await rm(join(buildDir, 'logs'), { recursive: true, force: true });
  await rm(engineDir(buildDir), { recursive: true, force: true });
  const directories = new Set(paths.flatMap((path) => parentsWithin(buildDir, dirname(path))));
  for (const directory of [...directories].toSorted((a, b) => b.length - a.length))
    await removeIfEmpty(directory);
  say(settings, `${paths.length} files removed from '${buildDir}'`);
  return exitCode.ok;
};

const isInside = (directory: string, path: string): boolean => {
  const way = relative(directory, path);
  return way !== '' && !way.startsWith('..') && !isAbsolute(way);
};

function parentsWithin(buildDir: string, directory: string): string[] {
  return isInside(buildDir, directory)
    ? [directory, ...parentsWithin(buildDir, dirname(directory))]
    : [buildDir];
}

async function removeIfEmpty(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => undefined);
  if (names?.length === 0) await rmdir(directory);
}
