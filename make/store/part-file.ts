// SPDX-License-Identifier: BSD-2-Clause
// A download that is under way: `<target>.part`, and beside it `<target>.part.json`, which says of what it is a part, so
// that another try or another run can go on. It becomes the target by a rename. All of it is synchronous: between the
// head of an answer and its first bytes nothing may wait (download.ts says why).
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { isFile, statsOf } from '../presence.ts';

export interface PartFile {
  readonly offsetBytes: number;
  /** Absent if nothing is there that could be gone on with. */
  readonly source?: PartSource;
}

/** What the server said of the file when the part was begun. */
export interface PartSource {
  readonly url: string;
  /** A strong ETag or a Last-Modified, for If-Range (RFC 9110, 13.1.5). */
  readonly validator: string;
  readonly totalBytes: number;
}

const sourceSchema = z.object({
  url: z.string(),
  validator: z.string(),
  totalBytes: z.number().int().nonnegative(),
});

export const partPath = (target: string): string => `${target}.part`;
const notePath = (target: string): string => `${target}.part.json`;

/** What is there of `url`; a part of something else counts as none. */
export function readPart(target: string, url: string): PartFile {
  const nothing = { offsetBytes: 0 };
  const found = statsOf(partPath(target));
  if (found?.isFile() !== true || !isFile(notePath(target))) return nothing;
  const sizeBytes = Number(found.size);
  const source = parseSource(readFileSync(notePath(target), 'utf8'));
  if (source === undefined || source.url !== url || sizeBytes > source.totalBytes) return nothing;
  return sizeBytes === 0 ? nothing : { offsetBytes: sizeBytes, source };
}

/** Begins anew if `offsetBytes` is 0; without `source`, nobody can go on with it later. Gives a file descriptor. */
export function openPart(target: string, offsetBytes: number, source: PartSource | undefined): number {
  if (offsetBytes === 0) {
    // The old note goes before the old bytes, and the new one comes before the new bytes.
    dropPart(target);
    if (source !== undefined) writeFileSync(notePath(target), JSON.stringify(source));
  }
  return openSync(partPath(target), 'a');
}

export function dropPart(target: string): void {
  rmSync(notePath(target), { force: true });
  rmSync(partPath(target), { force: true });
}

/** Flushes it to the disk, and gives it its name. */
export function finishPart(target: string): void {
  syncPath(partPath(target));
  renameSync(partPath(target), target);
  rmSync(notePath(target), { force: true });
  syncPath(dirname(target));
}

function syncPath(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function parseSource(text: string): PartSource | undefined {
  try {
    return sourceSchema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // half written: begin anew
    throw error;
  }
}
