// SPDX-License-Identifier: BSD-2-Clause
// How each part of the stack is fetched: from where, what is asked first, and what is done. What is heavy to load (HTTP,
// tar) is loaded by who runs a task.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { refuse } from '../../meta/diagnostic.ts';
import { isFile, statsOf } from '../presence.ts';
import type { Platform, Stack } from '../stack.ts';
import { downloadsDir, type Environment } from './cache.ts';
import type { FetchArchiveOptions } from './fetch-archive.ts';
import type { Network } from './network.ts';
import { hostPlatform, type Origin, sdkArchiveName, sdkUrl, showUrl, sourceUrl } from './origin.ts';
import type { StackPart } from './stack-parts.ts';

export interface FetchItem {
  readonly part: StackPart['part'] | 'kernel' | 'initrd';
  readonly name: string;
  /** An address without credentials, or a path. */
  readonly from: string;
  readonly to: string;
  /** Undefined if the server does not say. */
  readonly sizeBytes: number | undefined;
  readonly isApproximate: boolean;
  readonly flag: string;
}

export interface FetchProgress {
  readonly name: string;
  readonly stage: 'download' | 'unpack';
  readonly doneBytes: number;
  readonly totalBytes?: number;
}

export interface Fetching {
  readonly env: Environment;
  readonly stack: Stack;
  /** Default: this machine's. */
  readonly platform?: Platform;
  readonly origin: Origin;
  readonly cache: string;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly onRetry?: ((message: string, delayMs: number) => void) | undefined;
}

export interface Task {
  /** The network is needed for it. */
  readonly isRemote: boolean;
  /** Offline: what to put where. */
  readonly byHand: string;
  /** Asks the host. */
  readonly describe: (network: Network | undefined) => Promise<FetchItem>;
  /** Fetches it. `network` is there if the task is remote. */
  readonly run: (network: Network | undefined) => Promise<void>;
}

export const taskFor = (fetching: Fetching, part: StackPart): Task =>
  part.part === 'sdk' ? sdkTask(fetching, part) : sourceTask(fetching, part);

/** An archive, and what is to be made of it. */
export interface ArchiveToFetch {
  readonly url: URL;
  /** Its file name. */
  readonly archiveName: string;
  /** What comes, but for where from and how big. */
  readonly item: Omit<FetchItem, 'from' | 'sizeBytes' | 'isApproximate'>;
  /** A further way out, for who is offline. */
  readonly instead?: string;
  readonly fetch: (options: FetchArchiveOptions) => Promise<void>;
}

/** A task for an archive, which may lie on this machine: put there by hand, or in a mirror that is a folder. */
export function archiveTask(
  fetching: Pick<Fetching, 'origin' | 'cache' | 'signal' | 'onRetry' | 'onProgress'>,
  { url, archiveName, item, instead = '', fetch }: ArchiveToFetch,
): Task {
  const { origin, cache, signal, onRetry, onProgress } = fetching;
  const put = join(downloadsDir(cache), archiveName);
  // One that was put there by hand goes before the network.
  const archive = origin.base.protocol === 'file:' && !isFile(put) ? fileURLToPath(url) : put;
  const isRemote = origin.base.protocol !== 'file:' && !isFile(put);
  const ask = { url, authorization: origin.authorization, signal, onRetry };
  return {
    isRemote,
    byHand: `put ${archiveName} into '${downloadsDir(cache)}', from ${showUrl(url)}${instead}`,
    describe: async (network) => {
      if (!isRemote && !isFile(archive))
        refuse('NET103', `'${archive}' is not there`, { hint: 'check the path of the mirror' });
      const { askSize } = await import('./download.ts');
      const sizeBytes =
        isRemote && network !== undefined
          ? await askSize({ ...ask, network })
          : Number(statsOf(archive)?.size);
      const from = isRemote ? showUrl(url) : archive;
      return { ...item, from, sizeBytes, isApproximate: false };
    },
    run: (network) =>
      fetch({
        ...ask,
        network,
        archive,
        digestFile: `${put}.sha256`,
        target: item.to,
        onProgress: ({ receivedBytes, ...total }) =>
          onProgress?.({ name: item.name, stage: 'download', doneBytes: receivedBytes, ...total }),
        onUnpack: (doneBytes, totalBytes) =>
          onProgress?.({ name: item.name, stage: 'unpack', doneBytes, totalBytes }),
      }),
  };
}

function sdkTask(fetching: Fetching, part: StackPart): Task {
  const { stack, origin } = fetching;
  const platform = fetching.platform ?? hostPlatform() ?? refusePlatform(stack.microkit);
  return archiveTask(fetching, {
    url: sdkUrl(origin, stack.microkit, platform),
    archiveName: sdkArchiveName(stack.microkit, platform),
    item: itemOf(part),
    fetch: async (options) => {
      const { fetchSdk } = await import('./fetch-sdk.ts');
      await fetchSdk({ ...options, treeHash: stack.sdkTrees[platform] });
    },
  });
}

function sourceTask(fetching: Fetching, part: StackPart): Task {
  const { origin, env, signal, onRetry } = fetching;
  const { repository = '', commit = '', packBytes = 0 } = part.source ?? {};
  const url = sourceUrl(origin, repository);
  const isRemote = origin.base.protocol !== 'file:';
  const ask = { url, authorization: origin.authorization, signal, onRetry };
  return {
    isRemote,
    byHand: `put a checkout of ${commit} at '${part.path}', from ${showUrl(url)}`,
    describe: async (network) => {
      const { askRepository } = await import('./fetch-source.ts');
      if (isRemote && network !== undefined) await askRepository({ ...ask, network });
      return { ...itemOf(part), from: showUrl(url), sizeBytes: packBytes, isApproximate: true };
    },
    run: async (network) => {
      const { fetchSource } = await import('./fetch-source.ts');
      await fetchSource({
        ...ask,
        network,
        commit,
        target: part.path,
        env,
        onProgress: (doneBytes) => fetching.onProgress?.({ name: part.name, stage: 'download', doneBytes }),
      });
    },
  };
}

const itemOf = ({ part, name, path, flag }: StackPart): ArchiveToFetch['item'] => ({
  part,
  name,
  to: path,
  flag,
});

const refusePlatform = (version: string): never =>
  refuse('SDK112', `there is no Microkit SDK ${version} for ${process.platform} on ${process.arch}`, {
    hint: 'build one, and name it with --sdk',
  });
