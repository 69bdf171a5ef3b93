// SPDX-License-Identifier: BSD-2-Clause
// How each part of the stack is fetched: from where, what is asked first, and what is done. What is heavy to load (HTTP,
// tar) is loaded by who runs a task.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { refuse } from '../../meta/diagnostic.ts';
import { isFile, statsOf } from '../presence.ts';
import type { Platform, Stack } from '../stack.ts';
import { downloadsDir, type Environment } from './cache.ts';
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

function sdkTask(fetching: Fetching, part: StackPart): Task {
  const { stack, origin, cache, signal, onRetry } = fetching;
  const platform = fetching.platform ?? hostPlatform() ?? refusePlatform(stack.microkit);
  const url = sdkUrl(origin, stack.microkit, platform);
  const name = sdkArchiveName(stack.microkit, platform);
  const put = join(downloadsDir(cache), name);
  // One that was put there by hand goes before the network.
  const archive = origin.base.protocol === 'file:' && !isFile(put) ? fileURLToPath(url) : put;
  const isRemote = origin.base.protocol !== 'file:' && !isFile(put);
  const ask = { url, authorization: origin.authorization, signal, onRetry };
  return {
    isRemote,
    byHand: `put ${name} into '${downloadsDir(cache)}', from ${showUrl(url)}`,
    describe: async (network) => {
      if (!isRemote && !isFile(archive))
        refuse('NET103', `'${archive}' is not there`, { hint: 'check the path of the mirror' });
      const { askSize } = await import('./download.ts');
      const sizeBytes =
        isRemote && network !== undefined
          ? await askSize({ ...ask, network })
          : Number(statsOf(archive)?.size);
      const from = isRemote ? showUrl(url) : archive;
      return { ...itemOf(part, from), sizeBytes, isApproximate: false };
    },
    run: async (network) => {
      const { fetchSdk } = await import('./fetch-sdk.ts');
      await fetchSdk({
        ...ask,
        network,
        archive,
        digestFile: `${put}.sha256`,
        treeHash: stack.sdkTrees[platform],
        target: part.path,
        onProgress: ({ receivedBytes, ...total }) =>
          fetching.onProgress?.({ name: part.name, stage: 'download', doneBytes: receivedBytes, ...total }),
        onUnpack: (doneBytes, totalBytes) =>
          fetching.onProgress?.({ name: part.name, stage: 'unpack', doneBytes, totalBytes }),
      });
    },
  };
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
      return { ...itemOf(part, showUrl(url)), sizeBytes: packBytes, isApproximate: true };
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

const itemOf = ({ part, name, path, flag }: StackPart, from: string) => ({
  part,
  name,
  from,
  to: path,
  flag,
});

const refusePlatform = (version: string): never =>
  refuse('SDK112', `there is no Microkit SDK ${version} for ${process.platform} on ${process.arch}`, {
    hint: 'build one, and name it with --sdk',
  });
