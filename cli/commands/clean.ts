// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild clean`: removes what the build directory's own records name, and the logs of runs; a user's file that lies
// beside them stays. A directory that vmbuild has not built in is left alone.
import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { takeLock } from '../../make/lock.ts';
import { engineDir, recordedOutputs } from '../../make/state.ts';
import { sweepTemporaries } from '../../make/temporary.ts';
import { exitCode } from '../../meta/diagnostic.ts';
import { buildDirectory } from '../options.ts';
import { say } from '../report.ts';
import type { Command } from '../vmbuild.ts';

export const run: Command = async ({ settings, signal }) => {
  const buildDir = buildDirectory(settings);
  const engine = engineDir(buildDir);
  if ((await namesIn(engine)) === undefined) {
    say(settings, `nothing to remove: vmbuild has not built in '${buildDir}'`);
    return exitCode.ok;
  }
  if (settings.on('dry-run')) {
    process.stdout.write((await listFiles(buildDir)).map((path) => `${path}\n`).join(''));
    return exitCode.ok;
  }
  const release = await takeLock(engine, {
    signal,
    wait: !settings.on('no-wait'),
    onWait: ({ pid }) => {
      say(settings, `waiting for the build of process ${pid} in the same directory`);
    },
  });
  // Listed under the lock: a build that was waited for has made more.
  const paths = await listFiles(buildDir);
  const directories = [...new Set(paths.flatMap((path) => parentsWithin(buildDir, dirname(path))))];
  try {
    for (const path of paths) await rm(path, { force: true });
    await sweepTemporaries(directories);
  } finally {
    await release();
  }
  await rm(engine, { recursive: true, force: true });
  for (const directory of directories.toSorted((a, b) => b.length - a.length)) await removeIfEmpty(directory);
  say(settings, `${paths.length} files removed from '${buildDir}'`);
  return exitCode.ok;
};

const listFiles = async (buildDir: string): Promise<string[]> => [
  ...(await outputs(buildDir)),
  // The names that a run gives its logs (make/launch/logs.ts), and `artifacts` its archives (cli/artifacts.ts).
  ...(await filesIn(join(buildDir, 'logs'), /^(console|backend|client_[\w.-]+)\.log$/)),
  ...(await filesIn(join(buildDir, 'artifacts'), /^vsock-\w+\.(tar\.gz|times\.json)$/)),
];

const outputs = async (buildDir: string): Promise<string[]> =>
  (await recordedOutputs(buildDir))
    .map((path) => resolve(buildDir, path))
    .filter((path) => isInside(buildDir, path));

async function filesIn(directory: string, pattern: RegExp): Promise<string[]> {
  const names = (await namesIn(directory)) ?? [];
  return names.filter((name) => pattern.test(name)).map((name) => join(directory, name));
}

const namesIn = (directory: string): Promise<string[] | undefined> =>
  readdir(directory).catch(() => undefined);

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
  if ((await namesIn(directory))?.length === 0) await rmdir(directory);
}
