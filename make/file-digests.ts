// SPDX-License-Identifier: BSD-2-Clause
// SHA-256 of files, computed once per content: the digest is remembered with how the file looked (size, times, inode),
// and a file that still looks the same is not read again.
//
// A file can change without looking changed while its change time is within one tick of the kernel's clock. So a file
// that is that young is left to age before it is read; afterwards every write shows in its times.
import { createHash } from 'node:crypto';
import { type BigIntStats, createReadStream, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { statsOf } from './presence.ts';
import type { FileRecord } from './state.ts';

/** Longest tick of a Linux kernel (CONFIG_HZ=100: 10 ms), and a little. */
const clockTickMs = 12;
/** File systems that keep whole seconds show it; FAT's step is two. */
const coarseTickMs = 2_000;

export class FileDigests {
  /** Files that were asked for in this run. */
  readonly touched = new Set<string>();
  /** True once a record was made or dropped. */
  hasNews = false;
  readonly #records: Map<string, FileRecord>;
  /** Digests of this run: a file counts as read at one moment, however often it is asked for. */
  readonly #known = new Map<string, { look: string; digest: Promise<string> | string }>();

  constructor(records: Map<string, FileRecord>) {
    this.#records = records;
  }

  /** The digest if it is known without reading the file; undefined if it must be read, or is no regular file. */
  peek(path: string): string | undefined {
    const known = this.#known.get(path);
    if (known !== undefined) return typeof known.digest === 'string' ? known.digest : undefined;
    const stats = statsOf(path);
    const record = this.#records.get(path);
    if (stats === undefined || record === undefined || !stats.isFile() || record.look !== lookOf(stats))
      return undefined;
    this.touched.add(path);
    this.#known.set(path, record);
    return record.digest;
  }

  /** The digest of a file; undefined if there is no regular file. Rejects if it cannot be read. */
  async digest(path: string): Promise<string | undefined> {
    const peeked = this.peek(path) ?? this.#known.get(path)?.digest;
    if (peeked !== undefined) return peeked;
    const stats = statsOf(path);
    if (stats === undefined || !stats.isFile()) return undefined;
    const digest = readWhenAged(path, stats);
    const entry: { look: string; digest: Promise<string> | string } = { look: lookOf(stats), digest };
    this.#known.set(path, entry);
    entry.digest = await digest;
    this.#record(path, entry.look, entry.digest, stats);
    return entry.digest;
  }

  /** Reads `temporary` now, to be `path` after a rename; call `settle` after it. */
  async digestNew(temporary: string): Promise<string> {
    return readWhenAged(temporary, statSync(temporary, { bigint: true }));
  }

  /** Notes that `path` has just become the file with that digest. */
  settle(path: string, digest: string): void {
    const stats = statSync(path, { bigint: true });
    this.#known.set(path, { look: lookOf(stats), digest });
    this.#record(path, lookOf(stats), digest, stats);
  }

  /** True if the file still looks as it did when its digest was taken. */
  isUnchanged(path: string): boolean {
    const stats = statsOf(path);
    return stats !== undefined && this.#known.get(path)?.look === lookOf(stats);
  }

  /** True if the file's digest was taken earlier in this run. */
  isKnown(path: string): boolean {
    return this.#known.has(path);
  }

  #record(path: string, look: string, digest: string, stats: BigIntStats): void {
    this.touched.add(path);
    this.hasNews = true;
    if (isCoarse(stats) && Date.now() - Number(stats.ctimeMs) < coarseTickMs) this.#records.delete(path);
    else this.#records.set(path, { look, digest });
  }
}

/** Digest of a text or of bytes, as fingerprints use it. */
export const digestText = (text: string | Uint8Array): string =>
  createHash('sha256').update(text).digest('base64url');

const lookOf = (stats: BigIntStats): string => `${stats.size} ${stats.mtimeNs} ${stats.ctimeNs} ${stats.ino}`;

const isCoarse = (stats: BigIntStats): boolean => stats.ctimeNs % 1_000_000_000n === 0n;

async function readWhenAged(path: string, stats: BigIntStats): Promise<string> {
  const ageMs = Date.now() - Number(stats.ctimeMs);
  if (ageMs < clockTickMs) await sleep(Math.min(clockTickMs, clockTickMs - ageMs));
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('base64url');
}
