// SPDX-License-Identifier: BSD-2-Clause
// `--watch`: a command again and again, one run at a time, whenever a file that it read changes.
//
// Directories are watched, not files: an editor that saves by renaming puts a new file in the old one's place, and a file
// that was deleted comes back under its name. What changes during a run is seen, and makes the next one.
import { type FSWatcher, watch } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCode, Refusal, refuse } from '../meta/diagnostic.ts';
import { reportFailure } from './failure.ts';
import { say } from './report.ts';
import { shortPath } from './user-place.ts';
import type { CommandContext } from './vmbuild.ts';

/** Tells which files a run has read, absolute or relative to the working directory; as soon as they are known. */
export type Seen = (files: readonly string[]) => void;

/** Programs that save several files at once take this long at most. */
const quietMs = 80;
/** A directory that went away is looked for again. */
const lookAgainMs = 500;
/** More directories than this are no project's. */
const maxDirectories = 512;
/** A file of such a name that is new in a watched directory may be what was missing. */
const sources = ['.ts', '.mts', '.js', '.mjs', '.c', '.h', '.S', '.inc'];

/** Runs `once`, with --watch again after each change until the signal. */
export async function watching(
  context: CommandContext,
  once: (seen: Seen) => Promise<number>,
): Promise<number> {
  const { settings, signal } = context;
  if (!settings.on('watch')) return once(() => undefined);
  const system = settings.text('system');
  if (system === undefined)
    refuse('ARG140', '--watch is for a system of your own, and --system names none', {
      hint: 'give --system FILE, or leave --watch out',
      exit: exitCode.usage,
    });
  const changes = watchFiles([system]);
  try {
    for (;;) {
      await attempt(context, once, changes.follow);
      signal.throwIfAborted();
      say(settings, `watching ${changes.count()} files; Ctrl-C ends`);
      const names = await changes.next(signal);
      say(settings, `changed: ${names.map(shortPath).join(', ')}`);
    }
  } finally {
    changes.close();
  }
}

/** A run that fails says so, and is no reason to stop: the next change may mend it. */
async function attempt(
  { settings, signal }: CommandContext,
  once: (seen: Seen) => Promise<number>,
  follow: Seen,
): Promise<void> {
  try {
    await once(follow);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Refusal)
      follow(error.diagnostics.flatMap(({ place }) => (place === undefined ? [] : [place.file])));
    if (reportFailure(error, { json: settings.on('json') }) === undefined) throw error;
  }
}

interface Changes {
  follow: Seen;
  count(): number;
  /** What has changed since the last call, as soon as anything has; rejects if aborted. */
  next(signal: AbortSignal): Promise<readonly string[]>;
  close(): void;
}

export function watchFiles(first: readonly string[]): Changes {
  const files = new Set<string>();
  const directories = new Map<string, FSWatcher | undefined>();
  const changed = new Set<string>();
  let wake = (): void => undefined;

  const see = (path: string): void => {
    if (!files.has(path) && !sources.includes(extname(path))) return;
    changed.add(path);
    wake();
  };
  const open = (directory: string): void => {
    try {
      const watcher = watch(directory, (_event, name) => {
        if (name !== null) see(join(directory, name));
      });
      const lose = (): void => {
        watcher.close();
        directories.set(directory, undefined);
      };
      watcher.on('error', lose);
      directories.set(directory, watcher);
    } catch {
      directories.set(directory, undefined); // not there; it is looked for again
    }
  };
  const follow: Seen = (names) => {
    for (const name of names) {
      const path = resolve(name);
      files.add(path);
      if (!directories.has(dirname(path)) && directories.size < maxDirectories) open(dirname(path));
    }
  };
  const timer = setInterval(() => {
    for (const [directory, watcher] of directories)
      if (watcher === undefined) {
        open(directory);
        if (directories.get(directory) !== undefined) see(join(directory, 'again.ts'));
      }
  }, lookAgainMs);
  follow(first);

  return {
    follow,
    count: () => files.size,
    next: async (signal) => {
      if (changed.size === 0)
        await new Promise<void>((settle, reject) => {
          wake = settle;
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        });
      for (let seen = -1; seen !== changed.size; ) {
        seen = changed.size;
        await sleep(quietMs, undefined, { signal }).catch(() => undefined);
        signal.throwIfAborted();
      }
      const names = [...changed].toSorted();
      changed.clear();
      return names;
    },
    close: () => {
      clearInterval(timer);
      for (const watcher of directories.values()) watcher?.close();
    },
  };
}
