// SPDX-License-Identifier: BSD-2-Clause
// Reproducible archives: the same files make the same tar, whoever packs it and when; gzip's bytes follow from Node's
// own zlib. A file appears under its name when it is complete.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { temporaryFor } from '../temporary.ts';

/** A file by its path, or bytes that are at hand. `name` is its path in the archive; `sha256` may be known already. */
export type ArchiveFile = { readonly name: string; readonly sha256?: string } & (
  | { readonly path: string }
  | { readonly text: string }
);

/** tar.gz of `files`, in the order of their names, at `path`. Throws the system's error if it cannot be written. */
export async function packArchive(
  path: string,
  files: readonly ArchiveFile[],
  signal: AbortSignal,
): Promise<void> {
  const { packTar } = await import('modern-tar/fs');
  const plain = { mode: 0o644, mtime: oldEnough, uid: 0, gid: 0, uname: 'root', gname: 'root' };
  const sources = sorted(files).map((file) =>
    'path' in file
      ? ({ ...plain, type: 'file', source: file.path, target: file.name } as const)
      : ({ ...plain, type: 'content', content: file.text, target: file.name } as const),
  );
  await mkdir(dirname(path), { recursive: true });
  const temporary = temporaryFor(path);
  try {
    // One at a time: the library reads whole files ahead.
    await pipeline(packTar(sources, { concurrency: 1 }), createGzip(), createWriteStream(temporary), {
      signal,
    });
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** What `sha256sum --check` reads, in the order of names. */
export async function sumFiles(files: readonly ArchiveFile[]): Promise<string> {
  const lines: string[] = [];
  for (const file of sorted(files)) lines.push(`${await digestOf(file)}  ${file.name}\n`);
  return lines.join('');
}

/** SHA-256 in hexadecimal. */
export async function digestOf(file: ArchiveFile): Promise<string> {
  if (file.sha256 !== undefined) return file.sha256;
  const hash = createHash('sha256');
  if ('text' in file) return hash.update(file.text).digest('hex');
  for await (const chunk of createReadStream(file.path, { highWaterMark: 1 << 20 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}

const sorted = (files: readonly ArchiveFile[]): ArchiveFile[] =>
  files.toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** GNU tar warns about a time of 0. */
const oldEnough = new Date('1980-01-01T00:00:00Z');
