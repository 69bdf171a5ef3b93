// SPDX-License-Identifier: BSD-2-Clause
import { Buffer } from 'node:buffer';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { type CpioEntry, renderCpio } from '../../linux/cpio.ts';
import { findTool } from './toolchain.ts';

interface Listed {
  readonly path: string;
  readonly mode: number;
  readonly links: number;
  readonly device: readonly [number, number];
  readonly body: string;
}

/** A second reader, written from the format's text alone. */
function readCpio(archive: Buffer): Listed[] {
  const found: Listed[] = [];
  const inodes = new Set<number>();
  for (let at = 0; ; ) {
    const field = (index: number): number =>
      Number.parseInt(archive.toString('latin1', at + 6 + 8 * index, at + 14 + 8 * index), 16);
    expect(archive.toString('latin1', at, at + 6)).toBe('070701');
    const nameEnd = at + 110 + field(11);
    const path = archive.toString('utf8', at + 110, nameEnd - 1);
    expect(archive[nameEnd - 1]).toBe(0);
    const start = nameEnd + ((4 - (nameEnd % 4)) % 4);
    const end = start + field(6);
    if (path === 'TRAILER!!!') {
      expect(archive.length % 512).toBe(0);
      expect(archive.subarray(end).every((byte) => byte === 0)).toBe(true);
      return found;
    }
    // uid, gid, mtime, device of the file system, checksum
    for (const index of [2, 3, 5, 7, 8, 12]) expect(field(index)).toBe(0);
    expect(inodes.has(field(0))).toBe(false);
    inodes.add(field(0));
    const body = archive.toString('latin1', start, end);
    found.push({ path, mode: field(1), links: field(4), device: [field(9), field(10)], body });
    at = end + ((4 - (end % 4)) % 4);
  }
}

const pathPart = fc.stringMatching(/^[a-zA-Z0-9._é-]{1,12}$/).filter((part) => part !== '.' && part !== '..');
const leaf = fc.record({
  parts: fc.array(pathPart, { minLength: 1, maxLength: 4 }),
  bytes: fc.uint8Array({ maxLength: 9 }),
});

/** Files whose paths do not run through one another. */
const files = fc.array(leaf, { maxLength: 8 }).map((leaves) => {
  const entries: CpioEntry[] = [];
  for (const { parts, bytes } of leaves) {
    const path = parts.join('/');
    const clashes = entries.some(
      (one) => one.path === path || one.path.startsWith(`${path}/`) || path.startsWith(`${one.path}/`),
    );
    if (!clashes) entries.push({ kind: 'file', path, mode: 0o640, bytes });
  }
  return entries;
});

describe('cpio', () => {
  test('what is written is what is read, sorted, with its parents before it', () => {
    fc.assert(
      fc.property(files, (entries) => {
        const listed = readCpio(renderCpio(entries));
        const paths = listed.map(({ path }) => path);
        expect(paths).toEqual(paths.toSorted((a, b) => (a < b ? -1 : 1)));
        for (const { path } of listed)
          if (path.includes('/'))
            expect(paths.indexOf(path.slice(0, path.lastIndexOf('/')))).toBeGreaterThanOrEqual(0);
        for (const entry of entries) {
          const found = listed.find(({ path }) => path === entry.path);
          expect(found?.mode).toBe(0o100640);
          expect(entry.kind === 'file' && Buffer.from(entry.bytes).toString('latin1')).toBe(found?.body);
        }
      }),
    );
  });

  test('the order of the entries does not change a byte', () => {
    fc.assert(
      fc.property(files, (entries) => {
        expect(renderCpio(entries.toReversed()).equals(renderCpio(entries))).toBe(true);
      }),
    );
  });

  const all: CpioEntry[] = [
    { kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    { kind: 'file', path: 'init', mode: 0o755, bytes: Buffer.from('#!') },
    { kind: 'symlink', path: 'bin/sh', target: '/bin/busybox' },
    { kind: 'directory', path: 'tmp', mode: 0o1777 },
  ];

  test('types, modes and device numbers', () => {
    const rows = readCpio(renderCpio(all)).map(({ path, mode, links, device, body }) =>
      [path, mode.toString(8), links, device.join(','), body].join(' '),
    );
    expect(rows).toEqual([
      'bin 40755 2 0,0 ',
      'bin/sh 120777 1 0,0 /bin/busybox',
      'dev 40755 2 0,0 ',
      'dev/console 20600 1 5,1 ',
      'init 100755 1 0,0 #!',
      'tmp 41777 2 0,0 ',
    ]);
  });

  test('GNU cpio reads it the same way', async (ctx) => {
    const cpio = findTool('cpio');
    if (cpio === undefined) {
      ctx.skip('no cpio');
      return;
    }
    const dir = await mkdtemp(join(tmpdir(), 'vmbuild-cpio-'));
    await writeFile(join(dir, 'a.cpio'), renderCpio(all));
    const { stdout, stderr } = await execa(cpio, ['-itv', '--numeric-uid-gid', '-F', join(dir, 'a.cpio')], {
      env: { LC_ALL: 'C', TZ: 'UTC' },
    });
    await rm(dir, { recursive: true });
    expect(stderr.trim()).toMatch(/^\d+ blocks?$/);
    expect(stdout.split('\n').map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      'drwxr-xr-x 2 0 0 0 Jan 1 1970 bin',
      'lrwxrwxrwx 1 0 0 12 Jan 1 1970 bin/sh -> /bin/busybox',
      'drwxr-xr-x 2 0 0 0 Jan 1 1970 dev',
      'crw------- 1 0 0 5, 1 Jan 1 1970 dev/console',
      '-rwxr-xr-x 1 0 0 2 Jan 1 1970 init',
      'drwxrwxrwt 2 0 0 0 Jan 1 1970 tmp',
    ]);
  });

  test.each(['/init', 'a//b', 'a/../b', './a', '', 'a\0b', 'TRAILER!!!', `a/${'x'.repeat(4094)}`])(
    'refuses the path %j, which is our own mistake',
    (path) => {
      expect(() => renderCpio([{ kind: 'file', path, mode: 0o644, bytes: Buffer.alloc(0) }])).toThrow(
        /initramfs path/,
      );
    },
  );

  test('refuses what is listed twice, and a file that is also a directory', () => {
    const file = (path: string): CpioEntry => ({ kind: 'file', path, mode: 0o644, bytes: Buffer.alloc(0) });
    expect(() => renderCpio([file('a'), file('a')])).toThrow("'a' is listed twice");
    expect(() => renderCpio([file('a'), file('a/b')])).toThrow("'a' of 'a/b' is not a directory");
  });
});
