// SPDX-License-Identifier: BSD-2-Clause
// Fetches what of the stack is missing into the store: the Microkit SDK, libvmm, sDDF. All that is to be fetched is asked
// for first, so that it is announced with its size before the first byte, and a host that is out of reach ends it at
// once. One fetch at a time in a store; each part appears whole or not at all.
import { dirname } from 'node:path';
import { type Diagnostic, Refusal, refuse } from '../../meta/diagnostic.ts';
import { isSystemError } from '../action.ts';
import { takeLock } from '../lock.ts';
import { makeDirectories } from '../make-directories.ts';
import { type Platform, type Stack, stack as ownStack } from '../stack.ts';
import { describeSystemError } from '../system-reason.ts';
import { sweepTemporaries } from '../temporary.ts';
import { cacheDir, downloadsDir, type Environment } from './cache.ts';
import { type FetchItem, type FetchProgress, type Task, taskFor } from './fetch-tasks.ts';
import type { NetworkLimits } from './limits.ts';
import { github, parseOrigin } from './origin.ts';
import { findParts, type GivenParts, type StackPart } from './stack-parts.ts';

export interface FetchStackOptions {
  readonly env: Environment;
  /** Values of --sdk, --libvmm and --sddf: what the user names is not fetched. */
  readonly given?: GivenParts;
  /** GitHub, or a mirror with its paths. */
  readonly github?: string | undefined;
  readonly isOffline?: boolean;
  readonly signal: AbortSignal;
  /** What, how much, from where, to where; before the first byte. It may throw to have nothing fetched. */
  readonly onAnnounce?: (items: readonly FetchItem[]) => void | Promise<void>;
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly onRetry?: ((message: string, delayMs: number) => void) | undefined;
  /** One part has come. */
  readonly onFetched?: (item: FetchItem, durationMs: number) => void;
  /** Another process fetches into the same store, and is waited for. */
  readonly onWait?: (pid: number) => void;
  /** Wait for it (default) or refuse. */
  readonly wait?: boolean;
  /** For tests. */
  readonly stack?: Stack;
  readonly platform?: Platform;
  readonly limits?: Partial<NetworkLimits>;
}

export interface StackReport {
  /** All three, now there. */
  readonly parts: readonly StackPart[];
  /** Those that were fetched by this call. */
  readonly fetched: readonly FetchItem[];
}

/** Returns when nothing is missing. Throws a Refusal; its first diagnostic says in one line why not. */
export async function fetchStack(options: FetchStackOptions): Promise<StackReport> {
  const { env, given = {}, stack = ownStack } = options;
  const cache = cacheDir(env);
  const fetched = await fetchMissing(
    options,
    () => findParts(stack, env, given).filter(({ state }) => state === 'missing'),
    () => {
      const origin = parseOrigin(options.github ?? github);
      return (part) => taskFor({ ...options, stack, origin, cache }, part);
    },
  );
  return { parts: findParts(stack, env, given), fetched };
}

/** What is fetched, as messages name it, and how to name one's own. */
type Missing = Pick<StackPart, 'name' | 'path' | 'flag'>;

/** The first half of FetchStackOptions: how a fetch into the store goes, whatever it fetches. */
export type FetchOptions = Omit<FetchStackOptions, 'given' | 'github' | 'stack' | 'platform'>;

/**
 * Fetches what `find` gives, if anything: one fetch at a time in a store, all announced before the first byte. `find` is
 * asked again once no other process fetches, which may have fetched the same; `prepare` only if something is missing.
 */
export async function fetchMissing<Part extends Missing>(
  options: FetchOptions,
  find: () => readonly Part[] | Promise<readonly Part[]>,
  prepare: () => (part: Part) => Task,
): Promise<readonly FetchItem[]> {
  const cache = cacheDir(options.env);
  try {
    if ((await find()).length === 0) return [];
    const taskOf = prepare();
    return await withLock(options, downloadsDir(cache), async () => {
      const missing = await find();
      return fetchParts({ ...options, cache }, missing, missing.map(taskOf));
    });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return refuse('STORE101', `the store '${cache}' cannot be used: ${describeSystemError(error, cache)}`, {
      hint: 'make it writable, make room there, or set VMBUILD_CACHE to another directory',
    });
  }
}

async function withLock<T>(options: FetchOptions, downloads: string, task: () => Promise<T>): Promise<T> {
  await makeDirectories(downloads);
  const release = await takeLock(downloads, {
    signal: options.signal,
    wait: options.wait ?? true,
    onWait: ({ pid }) => options.onWait?.(pid),
  });
  try {
    return await task();
  } finally {
    await release();
  }
}

async function fetchParts(
  fetching: FetchOptions & { readonly cache: string },
  missing: readonly Missing[],
  tasks: readonly Task[],
): Promise<readonly FetchItem[]> {
  const isRemote = tasks.some((task) => task.isRemote);
  if (isRemote && fetching.isOffline === true) refuseOffline(missing, tasks);
  const network = isRemote
    ? (await import('./network.ts')).openNetwork(fetching.env, fetching.limits)
    : undefined;
  try {
    const items: FetchItem[] = [];
    for (const task of tasks) items.push(await task.describe(network));
    await fetching.onAnnounce?.(items);
    const directories = [...missing.map(({ path }) => dirname(path)), downloadsDir(fetching.cache)];
    for (const directory of directories) await makeDirectories(directory);
    await sweepTemporaries(directories);
    for (const [at, task] of tasks.entries()) {
      const startMs = performance.now();
      await task.run(network);
      const item = items[at];
      if (item !== undefined) fetching.onFetched?.(item, performance.now() - startMs);
    }
    return items;
  } finally {
    await network?.close();
  }
}

function refuseOffline(missing: readonly Missing[], tasks: readonly Task[]): never {
  throw new Refusal(
    missing.flatMap(({ name, flag }, at): Diagnostic[] => {
      const task = tasks[at];
      if (task?.isRemote !== true) return [];
      const message = `${name} is not in the store, and --offline forbids to fetch it`;
      return [
        { code: 'NET110', severity: 'error', message, hint: `${task.byHand}; or name yours with ${flag}` },
      ];
    }),
  );
}
