// SPDX-License-Identifier: BSD-2-Clause
// The SDK's release archive, into the store. The digest that is pinned is that of the tree inside, so the archive is
// unpacked in a quarantine and judged there. The archive's own SHA-256 is recorded once it has passed, and demanded of
// every later archive of that name before it is unpacked.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Refusal, refuse } from '../../meta/diagnostic.ts';
import { isFile } from '../presence.ts';
import { temporaryFor } from '../temporary.ts';
import { download, type DownloadProgress } from './download.ts';
import { archiveLimits, type ArchiveLimits } from './limits.ts';
import { narHash } from './nar.ts';
import { showUrl } from './origin.ts';
import type { MaybeRemote } from './remote.ts';
import { unpack } from './unpack.ts';

/** Without a network the archive must be there. */
export interface FetchSdkOptions extends MaybeRemote {
  /** Where the archive is, or goes; its directory is there. */
  readonly archive: string;
  /** Where its SHA-256 is recorded. */
  readonly digestFile: string;
  /** NAR SHA-256 of the tree in it, as `sha256-…`. */
  readonly treeHash: string;
  /** Where the SDK will be; its directory is there. */
  readonly target: string;
  readonly limits?: Partial<ArchiveLimits>;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly onUnpack?: (readBytes: number, archiveBytes: number) => void;
}

/** An archive that lies there is taken without asking anybody; one that was downloaded is removed afterwards. */
export async function fetchSdk(options: FetchSdkOptions): Promise<void> {
  const { network, url, archive, target } = options;
  const isGiven = isFile(archive);
  if (!isGiven && network !== undefined)
    await download({ ...options, network, target: archive, maxBytes: archiveLimits.archiveBytes });
  const name = isGiven ? `'${archive}'` : `'${basename(archive)}' from ${showUrl(url)}`;
  const quarantine = temporaryFor(target);
  try {
    const digest = await judgeArchive(options, name);
    await mkdir(quarantine);
    await judgeTree(options, name, quarantine);
    await recordDigest(options, digest);
    await rename(quarantine, target);
    if (!isGiven) await rm(archive, { force: true });
  } catch (error) {
    // It would be wrong the next time as well. What was only interrupted is kept.
    if (error instanceof Refusal && !isGiven) await rm(archive, { force: true });
    throw error;
  } finally {
    await rm(quarantine, { recursive: true, force: true });
  }
}

async function judgeArchive({ archive, digestFile, signal }: FetchSdkOptions, name: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(archive), hash, { signal });
  const digest = hash.digest('hex');
  const recorded = await readFile(digestFile, 'utf8').catch(() => undefined);
  const wanted = recorded?.slice(0, 64);
  if (wanted !== undefined && wanted !== digest)
    refuse('SDK110', `${name} has SHA-256 ${digest}; when it was first taken it had ${wanted}`, {
      hint: `find out why it changed; remove '${digestFile}' to take the new one`,
    });
  return digest;
}

async function judgeTree(options: FetchSdkOptions, name: string, quarantine: string): Promise<void> {
  const { archive, treeHash, signal, limits, onUnpack } = options;
  await unpack({
    archive,
    into: quarantine,
    signal,
    ...(limits === undefined ? {} : { limits }),
    ...(onUnpack === undefined ? {} : { onProgress: onUnpack }),
  });
  const found = await narHash(quarantine, { signal });
  if (found !== treeHash)
    refuse('SDK111', `the tree in ${name} has NAR hash ${found}, but ${treeHash} is pinned`, {
      hint: 'fetch it from another place; unpack one that you have built yourself, and name it with --sdk',
    });
}

/** In the form of sha256sum(1), so that everybody can check or correct it. */
async function recordDigest({ archive, digestFile }: FetchSdkOptions, digest: string): Promise<void> {
  const temporary = temporaryFor(digestFile);
  await writeFile(temporary, `${digest}  ${basename(archive)}\n`);
  await rename(temporary, digestFile);
}
