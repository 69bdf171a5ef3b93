// SPDX-License-Identifier: BSD-2-Clause
// Unpacks a tar.gz that nobody has vouched for yet into an empty directory of ours, under limits. The tar reader is
// strict; what names and links may be is decided in archive-tree.ts. Only files, directories and harmless links come
// out; of modes, only the owner's execute bit is kept. (Synchronous calls: see nar.ts.)
import {
  closeSync,
  copyFileSync,
  createReadStream,
  mkdirSync,
  openSync,
  statSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { createGunzip, type Gunzip } from 'node:zlib';
import { createTarDecoder } from 'modern-tar';
import { refuse, Refusal } from '../../meta/diagnostic.ts';
import { isSystemError } from '../action.ts';
import { type ArchiveTree, type EntryPath, makeTree } from './archive-tree.ts';
import { type ArchiveLimits, archiveLimits } from './limits.ts';
import { watchTarTypes } from './tar-types.ts';

export interface UnpackOptions {
  readonly archive: string;
  /** There, and empty. What is in it after a refusal is of no use. */
  readonly into: string;
  readonly signal: AbortSignal;
  readonly limits?: Partial<ArchiveLimits>;
  /** Called now and then with how much of the archive has been read. */
  readonly onProgress?: (readBytes: number, archiveBytes: number) => void;
}

/** The only top directory of the archive becomes `into`. Refuses with the codes of the family ARC. */
export async function unpack(options: UnpackOptions): Promise<{ entries: number; bytes: number }> {
  const limits = { ...archiveLimits, ...options.limits };
  const tree = makeTree(limits);
  const meter = { bytes: 0 };
  const symlinks: { path: EntryPath; target: string }[] = [];
  const packed = openGzip(options.archive);
  const bytes = ReadableStream.from(gunzipped(packed, options, limits, meter));
  try {
    for await (const entry of bytes.pipeThrough(createTarDecoder({ strict: true }))) {
      options.signal.throwIfAborted();
      await place({ ...options, tree, symlinks, limits }, entry);
    }
  } catch (error) {
    options.signal.throwIfAborted();
    throw isOurs(error) ? error : damaged(options.archive, error);
  } finally {
    await packed.close();
  }
  if (tree.size === 0) refuse('ARC101', `'${options.archive}' is empty`, { hint: again });
  tree.judgeSymlinks(symlinks);
  for (const { path, target } of symlinks) symlinkSync(target, join(options.into, ...path));
  return { entries: tree.size, bytes: meter.bytes };
}

type Entry =
  ReturnType<typeof createTarDecoder>['readable'] extends ReadableStream<infer Value> ? Value : never;

interface Placing extends Omit<UnpackOptions, 'limits'> {
  readonly limits: ArchiveLimits;
  readonly tree: ArchiveTree;
  readonly symlinks: { path: EntryPath; target: string }[];
}

async function place(placing: Placing, { header, body }: Entry): Promise<void> {
  const { into, tree, symlinks } = placing;
  const kind: string = header.type ?? 'file';
  const path = tree.path(header.name);
  // Only a file above 8 GiB needs one; readers differ in what they make of one that is no number, or beyond all.
  if (header.pax?.['size'] !== undefined)
    refuse(
      'ARC120',
      `the archive's entry '${header.name}' has its size, '${header.pax['size'].slice(0, 40)}', in a pax record`,
      {
        hint: doubt,
      },
    );
  if (path === undefined) {
    if (kind !== 'directory') refuseKind(header.name, `a ${kind} where the top directory should be`);
    return body.cancel();
  }
  const target = join(into, ...path);
  const makeDirectories = (paths: readonly EntryPath[]): void => {
    for (const one of paths) mkdirSync(join(into, ...one));
  };
  switch (kind) {
    case 'directory':
      makeDirectories(tree.place(path, 'directory'));
      return body.cancel();
    case 'file':
      if (Object.keys(header.pax ?? {}).some((key) => key.startsWith('GNU.sparse')))
        refuseKind(header.name, 'a sparse file');
      makeDirectories(tree.place(path, 'file'));
      return writeFile(target, modeOf(header.mode), body, placing.signal);
    case 'link': {
      const first = tree.linked(path, header.linkname ?? '');
      makeDirectories(tree.place(path, 'file'));
      // A copy: not every file system has hard links, and NAR knows none.
      copyFileSync(join(into, ...first), target);
      return body.cancel();
    }
    case 'symlink':
      makeDirectories(tree.place(path, 'symlink'));
      symlinks.push({ path, target: header.linkname ?? '' });
      return body.cancel();
    default:
      return refuseKind(header.name, `a ${kind}`);
  }
}

const modeOf = (mode = 0): number => ((mode & 0o100) === 0 ? 0o644 : 0o755);

async function writeFile(
  path: string,
  mode: number,
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  // x: never through or over anything that is there.
  const file = openSync(path, 'wx', mode);
  try {
    for await (const chunk of body) {
      signal.throwIfAborted();
      for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
    }
  } finally {
    closeSync(file);
  }
}

interface Gzip {
  readonly sizeBytes: number;
  readonly gunzip: Gunzip;
  close(): Promise<void>;
}

function openGzip(archive: string): Gzip {
  const sizeBytes = statSync(archive).size;
  const file = createReadStream(archive);
  const gunzip = createGunzip();
  // pipe() passes no errors on; who reads hears of both ends by gunzip.
  file.on('error', (error) => gunzip.destroy(error));
  gunzip.on('error', () => undefined);
  file.pipe(gunzip);
  return {
    sizeBytes,
    gunzip,
    close: async () => {
      gunzip.destroy();
      file.destroy();
      if (!file.closed) await once(file, 'close');
    },
  };
}

/** The tar's bytes, as long as they stay within the limits. */
async function* gunzipped(
  { gunzip, sizeBytes }: Gzip,
  { archive, signal, onProgress }: UnpackOptions,
  limits: ArchiveLimits,
  meter: { bytes: number },
): AsyncGenerator<Uint8Array> {
  const types = watchTarTypes();
  for await (const chunk of gunzip as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    meter.bytes += chunk.length;
    judgeAmount(archive, meter.bytes, gunzip.bytesWritten, limits);
    types.take(chunk);
    onProgress?.(gunzip.bytesWritten, sizeBytes);
    yield chunk;
  }
  // zlib stops at the end of the last gzip member and ignores zeros that follow.
  if (gunzip.bytesWritten !== sizeBytes)
    refuse('ARC101', `'${archive}' has ${sizeBytes - gunzip.bytesWritten} bytes after its end`, {
      hint: again,
    });
}

function judgeAmount(archive: string, bytes: number, packedBytes: number, limits: ArchiveLimits): void {
  if (bytes > limits.bytes)
    refuse('ARC105', `'${archive}' unpacks to more than ${limits.bytes} bytes`, { hint: doubt });
  if (bytes > limits.ratioFromBytes && bytes > packedBytes * limits.ratio)
    refuse(
      'ARC105',
      `'${archive}' unpacks ${packedBytes} bytes to ${bytes}, more than ${limits.ratio} times`,
      {
        hint: doubt,
      },
    );
}

const again = 'remove it and fetch it again';
const doubt = 'do not use this archive: it is damaged, or made to do harm';

const refuseKind = (name: string, what: string): never =>
  refuse('ARC103', `the archive's entry '${name}' is ${what}`, { hint: doubt });

/** What we threw ourselves, and what the system refused; zlib's errors have no system call. */
const isOurs = (error: unknown): boolean => error instanceof Refusal || isSystemError(error);

function damaged(archive: string, error: unknown): Refusal {
  if (!(error instanceof Error)) throw error;
  const message = `'${archive}' is no whole tar.gz archive: ${error.message}`;
  return new Refusal([{ code: 'ARC101', severity: 'error', message, hint: again }]);
}
