// SPDX-License-Identifier: BSD-2-Clause
// An archive whose pinned digest is that of what is inside: it is unpacked in a quarantine and judged there, and only
// then takes its place. The archive's own SHA-256 is recorded once it has passed, and demanded of every later archive of
// that name before it is unpacked.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Refusal, refuse } from '../../meta/diagnostic.ts';
import { isFile } from '../presence.ts';
import { replaceFile, temporaryFor } from '../temporary.ts';
import { download, type DownloadProgress } from './download.ts';
import { archiveLimits, type ArchiveLimits } from './limits.ts';
import { showUrl } from './origin.ts';
import type { MaybeRemote } from './remote.ts';
import { unpack } from './unpack.ts';

/** Without a network the archive must be there. */
export interface FetchArchiveOptions extends MaybeRemote {
  /** Where the archive is, or goes; its directory is there. */
  readonly archive: string;
  /** Where its SHA-256 is recorded. */
  readonly digestFile: string;
  /** Where what is inside will be; its directory is there. */
  readonly target: string;
  readonly limits?: Partial<ArchiveLimits>;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly onUnpack?: (readBytes: number, archiveBytes: number) => void;
}

export interface ArchiveJudge {
  /** Code of the refusal of an archive that is not the one that was first taken. */
  readonly changedCode: string;
  /** Judges the tree that was unpacked; gives the path in it that becomes the target. `name` is for messages. */
  readonly judge: (quarantine: string, name: string) => Promise<string>;
}

/** An archive that lies there is taken without asking anybody; one that was downloaded is removed afterwards. */
export async function fetchArchive(options: FetchArchiveOptions, judge: ArchiveJudge): Promise<void> {
  const { network, url, archive, target, signal, limits, onUnpack } = options;
  const isGiven = isFile(archive);
  const maxBytes = limits?.archiveBytes ?? archiveLimits.archiveBytes;
  if (!isGiven && network !== undefined) await download({ ...options, network, target: archive, maxBytes });
  const name = isGiven ? `'${archive}'` : `'${basename(archive)}' from ${showUrl(url)}`;
  const quarantine = temporaryFor(target);
  try {
    const digest = await judgeArchive(options, name, judge.changedCode);
    await mkdir(quarantine);
    await unpack({
      archive,
      into: quarantine,
      signal,
      ...(limits === undefined ? {} : { limits }),
      ...(onUnpack === undefined ? {} : { onProgress: onUnpack }),
    });
    const found = await judge.judge(quarantine, name);
    await recordDigest(options, digest);
    await rename(found, target);
    if (!isGiven) await rm(archive, { force: true });
  } catch (error) {
    // It would be wrong the next time as well. What was only interrupted is kept.
    if (error instanceof Refusal && !isGiven) await rm(archive, { force: true });
    throw error;
  } finally {
    await rm(quarantine, { recursive: true, force: true });
  }
}

async function judgeArchive(
  { archive, digestFile, signal }: FetchArchiveOptions,
  name: string,
  changedCode: string,
): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(archive), hash, { signal });
  const digest = hash.digest('hex');
  const recorded = await readFile(digestFile, 'utf8').catch(() => undefined);
  const wanted = recorded?.slice(0, 64);
  if (wanted !== undefined && wanted !== digest)
    refuse(changedCode, `${name} has SHA-256 ${digest}; when it was first taken it had ${wanted}`, {
      hint: `find out why it changed; remove '${digestFile}' to take the new one`,
    });
  return digest;
}

/** In the form of sha256sum(1), so that everybody can check or correct it. */
async function recordDigest({ archive, digestFile }: FetchArchiveOptions, digest: string): Promise<void> {
  await replaceFile(digestFile, `${digest}  ${basename(archive)}\n`);
}
