// SPDX-License-Identifier: BSD-2-Clause
// What an archive may put where: judges the names, kinds and links of its entries, in their order, before anything is
// written. The directory that is unpacked into was empty and is ours alone, so that what was judged here is what is
// there; the disk is never asked.
import { refuse } from '../../meta/diagnostic.ts';
import type { ArchiveLimits } from './limits.ts';

export type EntryKind = 'directory' | 'file' | 'symlink';

/** Components of a path below the archive's only top directory, which is stripped. */
export type EntryPath = readonly string[];

export interface ArchiveTree {
  /** Judges a name; undefined for the top directory itself. */
  path(name: string): EntryPath | undefined;
  /** Notes an entry, and gives the directories above it that no entry named before. */
  place(path: EntryPath, kind: EntryKind): readonly EntryPath[];
  /** Path of the regular file that came before and that a hard link names. */
  linked(link: EntryPath, target: string): EntryPath;
  /** Judges all symbolic links, when all entries are known. */
  judgeSymlinks(links: readonly { readonly path: EntryPath; readonly target: string }[]): void;
  /** Number of entries that were noted. */
  readonly size: number;
}

export function makeTree(limits: ArchiveLimits): ArchiveTree {
  const kinds = new Map<string, EntryKind>();
  /** As a file system without case, that normalises, would see them. */
  const folded = new Map<string, string>();
  let top: string | undefined;

  const note = (path: EntryPath, kind: EntryKind): void => {
    const name = path.join('/');
    const fold = name.normalize('NFC').toLowerCase();
    const other = folded.get(fold);
    if (other !== undefined && other !== name)
      refuseEntry('ARC106', `'${name}' and '${other}' differ in case only`);
    folded.set(fold, name);
    kinds.set(name, kind);
    if (kinds.size > limits.entries)
      refuse('ARC105', `the archive has more than ${limits.entries} entries`, { hint: doubt });
  };

  return {
    path: (name) => {
      const [first = '', ...rest] = splitName(name, limits);
      top ??= first;
      if (first !== top) refuseEntry('ARC107', `'${name}' is not below '${top}', where the others are`);
      return rest.length === 0 ? undefined : rest;
    },
    place: (path, kind) => {
      const name = path.join('/');
      const made: EntryPath[] = [];
      for (let length = 1; length < path.length; length += 1) {
        const parent = path.slice(0, length);
        const found = kinds.get(parent.join('/'));
        if (found === undefined) {
          note(parent, 'directory');
          made.push(parent);
        } else if (found !== 'directory') {
          refuseEntry('ARC104', `'${name}' would go through '${parent.join('/')}', which is a ${found}`);
        }
      }
      const before = kinds.get(name);
      if (before !== undefined && !(before === 'directory' && kind === 'directory'))
        refuseEntry('ARC106', `'${name}' comes twice, as ${before} and as ${kind}`);
      if (before === undefined) note(path, kind);
      return before === undefined && kind === 'directory' ? [...made, path] : made;
    },
    linked: (link, target) => {
      const [first, ...rest] = splitName(target, limits);
      const name = rest.join('/');
      if (first !== top || kinds.get(name) !== 'file')
        refuseEntry(
          'ARC104',
          `the hard link '${link.join('/')}' names '${target}', which is no file before it`,
        );
      return rest;
    },
    judgeSymlinks: (links) => {
      for (const { path, target } of links) {
        const name = `the symbolic link '${path.join('/')}' to '${target}'`;
        const way = resolveTarget(path, target) ?? refuseEntry('ARC104', `${name} leads out of the archive`);
        for (let length = 1; length < way.length; length += 1)
          if (kinds.get(way.slice(0, length).join('/')) !== 'directory')
            refuseEntry('ARC104', `${name} does not lead through directories of the archive`);
        const end = way.length === 0 ? 'directory' : kinds.get(way.join('/'));
        if (end === undefined) refuseEntry('ARC104', `${name} leads nowhere`);
        // So there are no circles either.
        if (end === 'symlink') refuseEntry('ARC104', `${name} leads to another link`);
      }
    },
    get size() {
      return kinds.size;
    },
  };
}

function splitName(name: string, limits: ArchiveLimits): string[] {
  const refused = (what: string): never =>
    refuseEntry('ARC102', `${JSON.stringify(name.slice(0, 200))} ${what}`);
  if (name.startsWith('/')) return refused('is an absolute name');
  // The decoder has put U+FFFD where bytes were no UTF-8.
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f\ufffd]/.test(name)) return refused('holds control characters or is no UTF-8');
  if (Buffer.byteLength(name) > limits.nameBytes) return refused(`is longer than ${limits.nameBytes} bytes`);
  const parts = name
    .replace(/^(\.\/)+/, '')
    .replace(/\/$/, '')
    .split('/');
  if (parts.includes('..')) return refused("holds '..'");
  if (parts.some((part) => part === '' || part === '.')) return refused("is empty, or holds '.' or '//'");
  if (parts.some((part) => Buffer.byteLength(part) > limits.componentBytes))
    return refused(`holds a part of more than ${limits.componentBytes} bytes`);
  if (parts.length > limits.depth) return refused(`is deeper than ${limits.depth} directories`);
  return parts;
}

/**
 * Where a target leads; undefined if out of the tree. `..` counts at its beginning only: after a name it could go up from
 * where another link leads.
 */
function resolveTarget(link: EntryPath, target: string): EntryPath | undefined {
  const parts = target.split('/');
  let ups = 0;
  while (parts[ups] === '..') ups += 1;
  const names = parts.slice(ups);
  if (ups >= link.length || names.some((part) => part === '' || part === '.' || part === '..'))
    return undefined;
  return [...link.slice(0, link.length - 1 - ups), ...names];
}

const doubt = 'do not use this archive: it is damaged, or made to do harm';

const refuseEntry = (code: string, message: string): never =>
  refuse(code, `the archive's entry ${message}`, { hint: doubt });
