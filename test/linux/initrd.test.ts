// SPDX-License-Identifier: BSD-2-Clause
// One bad initrd per rule, and the text that it gets.
import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { type CpioEntry, renderCpio } from '../../linux/cpio.ts';
import { gzip } from '../../linux/initramfs.ts';
import { checkInitrdFit, inspectInitrd } from '../../linux/initrd.ts';
import { testLayout } from './layout.ts';

const file = (path: string): CpioEntry => ({ kind: 'file', path, mode: 0o755, bytes: Buffer.from('12345') });
const archive = renderCpio([file('init')]);
const headOnly = archive.subarray(0, 115);
const packed = gzip(archive);
const flipped = Buffer.from(packed);
flipped.writeUInt8((flipped[packed.length - 6] ?? 0) ^ 1, packed.length - 6); // in the CRC

const judge = (bytes: Buffer): string =>
  inspectInitrd(bytes, 'x.cpio')
    .diagnostics.map(({ code, severity, message }) => `${code} ${severity}: ${message}`)
    .join('\n');

describe('initrd', () => {
  test.each([
    ['INIT101', Buffer.alloc(0), "initrd 'x.cpio' is empty"],
    [
      'INIT102',
      Buffer.from('#!/bin/sh\n'),
      'begins with 0x23212f62696e: neither a newc cpio archive nor packed with gzip',
    ],
    ['INIT102', Buffer.alloc(4096), 'begins with 0x000000000000'],
    ['INIT102', Buffer.from('070707000000 the old portable format'), 'begins with 0x303730373037'],
    ['INIT103', Buffer.from('04224d1864', 'hex'), 'is an lz4 frame, which the kernel cannot unpack'],
    ['INIT104', Buffer.from('fd377a585a000004e6d6b446', 'hex'), 'is a cut off xz file of 12 bytes'],
    [
      'INIT105',
      packed.subarray(0, -9),
      `cannot be unpacked (gzip, ${packed.length - 9} bytes): unexpected end of file`,
    ],
    ['INIT105', flipped, 'cannot be unpacked (gzip, '],
    [
      'INIT106',
      gzip(Buffer.from('just text')),
      'is not a whole newc cpio archive: no magic 070701 at offset 0',
    ],
    [
      'INIT106',
      headOnly,
      'is not a whole newc cpio archive: entry 1 at offset 0 ends at 121, the archive at 115',
    ],
    ['INIT106', archive.subarray(0, 50), 'a header that is not hexadecimal, or cut off, at offset 0'],
    [
      'INIT106',
      Buffer.from(archive.toString('latin1').replace('07070100000001', '0707010000000g')),
      'not hexadecimal',
    ],
    ['INIT106', archive.subarray(0, 124), 'no trailer after 1 entries'],
    ['INIT106', archive.subarray(0, 128), 'no magic 070701 at offset 124'],
    ['INIT107', renderCpio([file('sbin/init')]), "initrd 'x.cpio' has no /init among its 2 entries"],
  ])('%s: %#', (code, bytes, text) => {
    const judged = judge(bytes);
    expect(judged.split(' ')[0]).toBe(code);
    expect(judged).toContain(text);
    expect(judged.split('\n')).toHaveLength(1);
  });

  test.each([
    ['plain', archive],
    ['gzip', packed],
    ['padded to a sector', Buffer.concat([archive, Buffer.alloc(512)])],
    ['several archives, one after the other', Buffer.concat([renderCpio([file('a')]), archive])],
    ['several gzip members', Buffer.concat([gzip(renderCpio([file('a')])), packed])],
    ['with a leading ./', renderCpio([file('init')])],
  ])('takes one that is %s', (_, bytes) => {
    expect(judge(bytes)).toBe('');
    expect(inspectInitrd(bytes, 'x').initrd?.paths).toContain('init');
  });

  test.each([
    ['xz', 'fd377a585a000001595a'],
    ['zstd', '28b52ffd00'],
    ['lz4', '02214c1800'],
    ['bzip2', '425a6839'],
    ['lzma', '5d00008000'],
  ])('takes %s for what it says it is', (packing, hexBytes) => {
    expect(inspectInitrd(Buffer.from(hexBytes, 'hex'), 'x')).toEqual({
      initrd: { packing },
      diagnostics: [],
    });
  });

  test('INIT105: one that unpacks to more than the limit', () => {
    const bomb = gzip(Buffer.alloc(4097));
    expect(inspectInitrd(bomb, 'x', 4096).diagnostics[0]?.message).toBe(
      `initrd 'x' cannot be unpacked (gzip, ${bomb.length} bytes): it unpacks to more than 4 KiB (0x1000)`,
    );
  });

  test('INIT120: against its window, to the byte', () => {
    expect(checkInitrdFit(0xf0_0000, testLayout, 'x')).toEqual([]);
    expect(checkInitrdFit(0xf0_0001, testLayout, 'x')[0]?.message).toBe(
      "initrd 'x' takes 15728641 B (0xf00001), but its window [0x47000000..0x47f00000) has 15 MiB (0xf00000)",
    );
  });
});
