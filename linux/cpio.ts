// SPDX-License-Identifier: BSD-2-Clause
// Writes the cpio format that the kernel unpacks as its initramfs: "newc", as Linux
// Documentation/driver-api/early-userspace/buffer-format.rst defines it. Same entries, same bytes: sorted by name,
// owner root, time 0, inode numbers by position. (No kept library writes device nodes.)

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';

/** What the initramfs is to hold. `path` is relative to its root, without a leading slash: `dev/console`. */
export type CpioEntry =
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly bytes: Uint8Array }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'character-device';
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

/**
 * An uncompressed newc archive, ending in its trailer and padded to 512 bytes. Missing parent directories are added
 * (mode 0755): the kernel does not make them. Throws on names that the format or the kernel cannot hold; those are
 * ours, never a user's.
 */
export function renderCpio(entries: readonly CpioEntry[]): Buffer {
  const all = withParents(entries);
  const parts: Buffer[] = [];
  for (const [index, entry] of all.entries()) parts.push(renderEntry(entry, index + 1));
  parts.push(renderMember({ name: trailerName, inode: 0, mode: 0, links: 1 }, Buffer.alloc(0)));
  const archive = Buffer.concat(parts);
  return Buffer.concat([archive, Buffer.alloc(paddingTo(archive.length, archiveBlockBytes))]);
}

const trailerName = 'TRAILER!!!';
/** GNU cpio writes whole blocks of this size. */
const archiveBlockBytes = 512;
/** Of the kernel's init/initramfs.c: a name longer than PATH_MAX, or a larger body, makes it drop the entry. */
const maxNameBytes = 4095;
const maxBodyBytes = 0xffff_ffff;

const fileType = {
  directory: 0o040000,
  file: 0o100000,
  symlink: 0o120000,
  'character-device': 0o020000,
} as const;

function withParents(entries: readonly CpioEntry[]): CpioEntry[] {
  const byPath = new Map<string, CpioEntry>();
  for (const entry of entries) {
    assertPath(entry.path);
    assert(!byPath.has(entry.path), `initramfs entry '${entry.path}' is listed twice`);
    byPath.set(entry.path, entry);
  }
  for (const { path } of entries) {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const parent = path.slice(0, slash);
      const known = byPath.get(parent);
      assert(
        known === undefined || known.kind === 'directory',
        `'${parent}' of '${path}' is not a directory`,
      );
      if (known === undefined) byPath.set(parent, { kind: 'directory', path: parent, mode: 0o755 });
    }
  }
  // By code units: a parent sorts before what is in it, and no locale has a say.
  return [...byPath.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function assertPath(path: string): void {
  const parts = path.split('/');
  const isClean = parts.every((part) => part !== '' && part !== '.' && part !== '..');
  assert(isClean && !path.includes('\0') && path !== trailerName, `'${path}' is no initramfs path`);
  assert(Buffer.byteLength(path) <= maxNameBytes, `initramfs path of ${Buffer.byteLength(path)} bytes`);
}

function renderEntry(entry: CpioEntry, inode: number): Buffer {
  const type = fileType[entry.kind];
  const base = { name: entry.path, inode, links: entry.kind === 'directory' ? 2 : 1 };
  const empty = Buffer.alloc(0);
  if (entry.kind === 'file') return renderMember({ ...base, mode: type | entry.mode }, entry.bytes);
  if (entry.kind === 'directory') return renderMember({ ...base, mode: type | entry.mode }, empty);
  if (entry.kind === 'symlink')
    return renderMember({ ...base, mode: type | 0o777 }, Buffer.from(entry.target));
  const { major, minor } = entry;
  return renderMember({ ...base, mode: type | entry.mode, major, minor }, empty);
}

interface Header {
  readonly name: string;
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly major?: number;
  readonly minor?: number;
}

/** Header of 110 bytes, name with its NUL, body: header + name and body are each padded to 4 bytes. */
function renderMember(header: Header, body: Uint8Array): Buffer {
  assert(body.length <= maxBodyBytes, `initramfs entry '${header.name}' of ${body.length} bytes`);
  const name = Buffer.from(`${header.name}\0`);
  const fields = [
    header.inode,
    header.mode,
    0, // uid
    0, // gid
    header.links,
    0, // mtime
    body.length,
    0, // major and minor of the file system that holds it
    0,
    header.major ?? 0,
    header.minor ?? 0,
    name.length,
    0, // checksum, of the "crc" variant only
  ];
  const head = Buffer.from(`070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}`);
  const headPadding = Buffer.alloc(paddingTo(head.length + name.length, 4));
  return Buffer.concat([head, name, headPadding, body, Buffer.alloc(paddingTo(body.length, 4))]);
}

const paddingTo = (length: number, block: number): number => (block - (length % block)) % block;
