// SPDX-License-Identifier: BSD-2-Clause
// One build at a time in a build directory. The lock is a directory with its owner's name inside: it is made elsewhere
// and renamed into place, which fails while the place holds a directory that is not empty. So a lock never shows
// without its owner.
//
// A lock whose owner has died is taken away under a second lock of the same kind; only who holds that removes a lock
// that is not its own, and looks again before. The second lock is held for milliseconds, so age tells if it is stale.
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { refuse } from '../meta/diagnostic.ts';
import { makeDirectories } from './make-directories.ts';
import { isAlive, ourselves, type ProcessName } from './liveness.ts';
import { temporaryFor } from './temporary.ts';

export interface LockOwner extends ProcessName {
  readonly host: string;
}

export interface LockOptions {
  readonly signal: AbortSignal;
  /** Called once if another build holds the lock and it is waited for. */
  readonly onWait: (owner: LockOwner) => void;
  /** False: refuse instead of waiting. */
  readonly wait: boolean;
}

const pollMs = 50;
const takeoverMs = 10_000;

/** Takes `<dir>/lock`; gives the function that gives it back. */
export async function takeLock(dir: string, options: LockOptions): Promise<() => Promise<void>> {
  const path = join(dir, 'lock');
  await makeDirectories(dir);
  let told = false;
  while (!(await tryLock(path))) {
    options.signal.throwIfAborted();
    const owner = await readOwner(path);
    if (owner === undefined) continue; // given back in between
    if (isDead(owner)) {
      await removeStale(dir, path, owner);
      continue;
    }
    if (!options.wait)
      refuse('LOCK101', `another build (pid ${owner.pid} on ${owner.host}) is at work in '${dir}'`, {
        hint: `wait for it, or remove '${path}' if that build is gone`,
      });
    if (!told) options.onWait(owner);
    told = true;
    await sleep(pollMs, undefined, { signal: options.signal }).catch(() => undefined);
  }
  return async () => {
    const gone = temporaryFor(path);
    // Somebody who removed the whole build directory took the lock with it.
    await rename(path, gone).catch(() => undefined);
    await rm(gone, { recursive: true, force: true });
  };
}

async function tryLock(path: string): Promise<boolean> {
  const made = temporaryFor(path);
  const owner: LockOwner = { ...ourselves, host: hostname() };
  try {
    await mkdir(made);
    await writeFile(join(made, 'owner.json'), JSON.stringify(owner));
    await rename(made, path);
    return true;
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

async function readOwner(path: string): Promise<LockOwner | undefined> {
  try {
    const value = JSON.parse(await readFile(join(path, 'owner.json'), 'utf8')) as Partial<LockOwner> | null;
    if (typeof value?.pid === 'number' && typeof value.host === 'string' && typeof value.started === 'number')
      return { pid: value.pid, host: value.host, started: value.started };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  }
  // Damaged: nobody can be asked whether it is alive. Process 0 is never alive.
  return { pid: 0, host: hostname(), started: 0 };
}

/** Whether a process of another host lives cannot be seen from here. */
const isDead = (owner: LockOwner): boolean => owner.host === hostname() && !isAlive(owner);

async function removeStale(dir: string, path: string, dead: LockOwner): Promise<void> {
  const guard = join(dir, 'lock-takeover');
  try {
    await mkdir(guard);
  } catch {
    const { mtimeMs } = await stat(guard).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > takeoverMs) await rm(guard, { recursive: true, force: true });
    await sleep(pollMs);
    return;
  }
  try {
    const owner = await readOwner(path);
    if (owner?.pid === dead.pid && owner.started === dead.started)
      await rm(path, { recursive: true, force: true });
  } finally {
    await rm(guard, { recursive: true, force: true });
  }
}
