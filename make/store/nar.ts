// SPDX-License-Identifier: BSD-2-Clause
// SHA-256 of a directory tree in Nix's archive form (NAR), the digest that libvmm's flake.nix pins for the SDK.
//
// The form: str(b) is the length of b as a 64-bit little-endian number, b, and zeros up to a multiple of 8. An archive is
// str("nix-archive-1") and a node; each parenthesis, word and value of a node is one str:
//
//   ( type regular [executable ""] contents BYTES )
//   ( type symlink target TEXT )
//   ( type directory { entry ( name NAME node NODE ) } )      entries in the order of their names' bytes
//
// Of modes, only the owner's execute bit counts; owners and times do not.
//
// Files are read synchronously: the SDK has tens of thousands of small ones, and going through the thread pool for each
// takes several times as long. Between pieces of work the event loop gets its turn, so that Ctrl-C is heard.
import { createHash, type Hash } from 'node:crypto';
import { closeSync, fstatSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { refuse } from '../../meta/diagnostic.ts';
import { archiveLimits } from './limits.ts';

export interface NarOptions {
  readonly signal: AbortSignal;
  readonly limits?: { readonly depth: number; readonly entries: number };
}

/** `sha256-…` in base64, as Nix writes it. Refuses what NAR has no form for, and trees beyond the limits. */
export async function narHash(root: string, { signal, limits = archiveLimits }: NarOptions): Promise<string> {
  const hash = createHash('sha256');
  const walk: Walk = { hash, limits, signal, buffer: Buffer.allocUnsafe(chunkBytes), entries: 0, work: 0 };
  put(hash, 'nix-archive-1');
  await putNode(walk, Buffer.from(root), 0);
  return `sha256-${hash.digest('base64')}`;
}

interface Walk {
  readonly hash: Hash;
  readonly limits: { readonly depth: number; readonly entries: number };
  readonly signal: AbortSignal;
  readonly buffer: Buffer;
  entries: number;
  /** Entries and chunks since the event loop had its turn. */
  work: number;
}

const maxWork = 16;
const chunkBytes = 1024 * 1024;

/** Paths are bytes: a name need not be UTF-8. */
async function putNode(walk: Walk, path: Buffer, depth: number): Promise<void> {
  const { hash, limits } = walk;
  await breathe(walk);
  walk.entries += 1;
  if (walk.entries > limits.entries) refuseSize(path, `more than ${limits.entries} entries`);
  if (depth > limits.depth) refuseSize(path, `more than ${limits.depth} levels`);
  const found = lstatSync(path);
  put(hash, '(', 'type');
  if (found.isDirectory()) {
    put(hash, 'directory');
    const names = readdirSync(path, { encoding: 'buffer' });
    for (const name of names.toSorted((a, b) => a.compare(b))) {
      put(hash, 'entry', '(', 'name', name, 'node');
      await putNode(walk, Buffer.concat([path, slash, name]), depth + 1);
      put(hash, ')');
    }
  } else if (found.isSymbolicLink()) {
    put(hash, 'symlink', 'target', readlinkSync(path, { encoding: 'buffer' }));
  } else if (found.isFile()) {
    put(hash, 'regular');
    await putContents(walk, path);
  } else {
    refuse('ARC103', `'${path.toString()}' is no file, directory or symbolic link`, { hint: 'remove it' });
  }
  put(hash, ')');
}

const slash = Buffer.from('/');

async function putContents(walk: Walk, path: Buffer): Promise<void> {
  const { hash, buffer } = walk;
  const file = openSync(path, 'r');
  try {
    const { size, mode } = fstatSync(file);
    if ((mode & 0o100) !== 0) put(hash, 'executable', '');
    put(hash, 'contents');
    hash.update(lengthOf(size));
    let doneBytes = 0;
    for (let read = -1; read !== 0 && doneBytes <= size; doneBytes += read) {
      if (doneBytes > 0) await breathe(walk);
      read = readSync(file, buffer);
      hash.update(buffer.subarray(0, read));
    }
    if (doneBytes !== size)
      refuse('ARC108', `'${path.toString()}' changed while it was read`, {
        hint: 'see that nothing else writes there, and fetch again',
      });
    hash.update(paddingOf(size));
  } finally {
    closeSync(file);
  }
}

async function breathe(walk: Walk): Promise<void> {
  walk.signal.throwIfAborted();
  walk.work += 1;
  if (walk.work < maxWork) return;
  walk.work = 0;
  await setImmediate();
}

function put(hash: Hash, ...values: readonly (string | Buffer)[]): void {
  for (const value of values) {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    hash.update(lengthOf(bytes.length));
    hash.update(bytes);
    hash.update(paddingOf(bytes.length));
  }
}

function lengthOf(sizeBytes: number): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(sizeBytes));
  return length;
}

const paddingOf = (sizeBytes: number): Buffer => Buffer.alloc((8 - (sizeBytes % 8)) % 8);

const refuseSize = (path: Buffer, what: string): never =>
  refuse('ARC105', `a tree has ${what} at '${path.toString()}'`, {
    hint: 'check what this is: no SDK is so large',
  });
