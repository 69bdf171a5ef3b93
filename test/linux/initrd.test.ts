// SPDX-License-Identifier: BSD-2-Clause
// One bad initrd per rule, and the text that it gets.
import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
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

function alignedConcat(one: Buffer, other: Buffer): Buffer {
  return Buffer.concat([one, Buffer.alloc(8 - (one.length % 4)), other]);
}

/** A cpio archive of one file, with other bytes in place of `from`. */
const renamed = (path: string, from: string, to: string): Buffer =>
  Buffer.from(
    renderCpio([file(path)])
      .toString('latin1')
      .replaceAll(from, to),
    'latin1',
  );
const nested = gzip(Buffer.concat([archive, packed]));

describe('initrd', () => {
  it.each<readonly [string, string, Buffer, string]>([
    ['[Initramfs] empty: refused', 'INIT101', Buffer.alloc(0), "initrd 'x.cpio' is empty"],
    [
      '[Initramfs] not cpio, gz, xz, zst or lz4: named by its first bytes',
      'INIT102',
      Buffer.from('#!/bin/sh\n'),
      'begins with 0x23212f62696e: neither a newc cpio archive nor packed with gzip',
    ],
    ['only NULs', 'INIT102', Buffer.alloc(4096), 'begins with 0x000000000000'],
    [
      'the old portable format',
      'INIT102',
      Buffer.from('070707000000 the old portable format'),
      'begins with 0x303730373037',
    ],
    [
      'an lz4 frame',
      'INIT103',
      Buffer.from('04224d1864', 'hex'),
      'is an lz4 frame, which the kernel cannot unpack',
    ],
    [
      'a truncated xz file',
      'INIT104',
      Buffer.from('fd377a585a000004e6d6b446', 'hex'),
      'is a cut off xz file of 12 bytes',
    ],
    [
      '[Initramfs] truncated gzip (CRC): refused with its size',
      'INIT105',
      packed.subarray(0, -9),
      `cannot be unpacked (gzip, ${packed.length - 9} bytes): unexpected end of file`,
    ],
    [
      '[Initramfs] truncated gzip (CRC): a wrong CRC is seen too',
      'INIT105',
      flipped,
      `cannot be unpacked (gzip, ${packed.length} bytes): incorrect data check`,
    ],
    ['text in gzip', 'INIT106', gzip(Buffer.from('just text')), 'no magic 070701 at offset 0'],
    [
      'an entry that is cut off',
      'INIT106',
      headOnly,
      'is not a whole newc cpio archive: entry 1 at offset 0 ends at 121, the archive at 115',
    ],
    [
      'a header that is cut off',
      'INIT106',
      archive.subarray(0, 50),
      'a header that is not hexadecimal, or cut off, at offset 0',
    ],
    [
      '[Initramfs] newc field not hexadecimal: refused with its place',
      'INIT106',
      Buffer.from(archive.toString('latin1').replace('07070100000001', '0707010000000g')),
      'a header that is not hexadecimal, or cut off, at offset 0',
    ],
    ['no trailer', 'INIT106', archive.subarray(0, 124), 'no trailer after 1 entries'],
    ['a trailer that is cut off', 'INIT106', archive.subarray(0, 128), 'no magic 070701 at offset 124'],
    [
      'a name without its NUL',
      'INIT106',
      renamed('init', 'init\0', 'initx'),
      'entry 1 at offset 0 has a name of 5 bytes that no NUL ends',
    ],
    [
      'text behind an archive, over which the kernel would drop our programs',
      'INIT106',
      Buffer.concat([archive, Buffer.from('text')]),
      `no magic 070701 at offset ${archive.length}`,
    ],
    [
      'packed twice',
      'INIT106',
      nested,
      `another archive, packed once more, at offset ${archive.length} of what is unpacked`,
    ],
    [
      '[Initramfs] no /init: a warning with the number of entries',
      'INIT107',
      renderCpio([file('sbin/init')]),
      "initrd 'x.cpio' has no /init among its 2 entries",
    ],
    [
      '[Initramfs] names that escape: refused with the name',
      'INIT121',
      renamed('a/xx/c', 'a/xx/c', 'a/../c'),
      'holds a name that leads out of it: entry 3 at offset 228 is called "a/../c"',
    ],
    ['a NUL within a name', 'INIT121', renamed('inXt', 'inXt', 'in\0t'), 'is called "in\\u0000t"'],
  ])('%s', (_, code, bytes, text) => {
    const judged = judge(bytes);
    expect(judged.split(' ')[0]).toBe(code);
    expect(judged).toContain(text);
    expect(judged.split('\n')).toHaveLength(1);
  });

  const first = renderCpio([file('a')]);
  it.each([
    ['plain', archive],
    ['gzip', packed],
    ['padded to a sector', Buffer.concat([archive, Buffer.alloc(512)])],
    ['padded to a sector after gzip', Buffer.concat([packed, Buffer.alloc(512)])],
    ['[Initramfs] concatenated cpio: one after the other', Buffer.concat([first, archive])],
    ['[Initramfs] concatenated cpio: gzip members', Buffer.concat([gzip(first), packed])],
    ['[Initramfs] concatenated cpio: plain, then gzip', Buffer.concat([first, packed])],
    ['[Initramfs] concatenated cpio: gzip, NULs, plain', alignedConcat(gzip(first), archive)],
    ['[Initramfs] concatenated cpio: gzip, NULs, gzip', alignedConcat(gzip(first), packed)],
    ['with a leading ./', renamed('xxinit', 'xxinit', './init')],
    ['with a leading /', renamed('xxinit', 'xxinit', '//init')],
  ])('%s: taken', (_, bytes) => {
    expect(judge(bytes)).toBe('');
    expect(inspectInitrd(bytes, 'x').initrd?.members?.map(({ path }) => path)).toContain('init');
  });

  it.each([
    ['xz', 'fd377a585a000001595a', 'xz -dc', 'CONFIG_RD_XZ'],
    ['zstd', '28b52ffd00', 'zstd -dc', 'CONFIG_RD_ZSTD'],
    ['lz4', '02214c1800', 'lz4 -dc', 'CONFIG_RD_LZ4'],
    ['bzip2', '425a6839', 'bzip2 -dc', 'CONFIG_RD_BZIP2'],
    ['lzma', '5d00008000', 'xz --format=lzma -dc', 'CONFIG_RD_LZMA'],
    ['lzop', '894c5a4f00', 'lzop -dc', 'CONFIG_RD_LZO'],
  ])(
    '%s: taken, with what the kernel needs for it and how to convert it',
    (unread, hexBytes, tool, option) => {
      const bytes = Buffer.from(hexBytes, 'hex');
      const { initrd, diagnostics } = inspectInitrd(bytes, 'x');
      expect(initrd).toEqual({ unread });
      expect(diagnostics).toMatchObject([
        {
          code: 'INIT122',
          severity: 'warning',
          message: `initrd 'x' is packed with ${unread} (${bytes.length} bytes from offset 0): what is in it is not checked, and the kernel needs ${option}=y`,
          hint: `pack it with gzip instead: ${tool} 'x' | gzip > initrd.cpio.gz`,
        },
      ]);
    },
  );

  it('xz behind a plain archive: what could be read is there', () => {
    const bytes = Buffer.concat([first, Buffer.from('fd377a585a000001595a', 'hex')]);
    const { initrd, diagnostics } = inspectInitrd(bytes, 'x');
    expect(initrd?.members?.map(({ path }) => path)).toEqual(['a']);
    expect(diagnostics[0]?.hint).toContain(`<(tail -c +${first.length + 1} 'x')`);
  });

  it('INIT105: one that unpacks to more than the limit', () => {
    const bomb = gzip(Buffer.alloc(4097));
    expect(inspectInitrd(bomb, 'x', 4096).diagnostics[0]?.message).toBe(
      `initrd 'x' cannot be unpacked (gzip, ${bomb.length} bytes): it unpacks to more than 4 KiB (0x1000)`,
    );
  });

  it('INIT106: more archives than any initrd has', () => {
    const many = Buffer.concat(Array.from({ length: 65 }, () => alignedConcat(gzip(first), Buffer.alloc(4))));
    expect(judge(many)).toContain('more than 64 archives');
  });

  it('[Initramfs] larger than the gap in RAM: against its window, to the byte', () => {
    expect(checkInitrdFit(0xf0_0000, testLayout, 'x')).toEqual([]);
    expect(checkInitrdFit(0xf0_0001, testLayout, 'x')[0]?.message).toBe(
      "initrd 'x' takes 15728641 B (0xf00001), but its window [0x47000000..0x47f00000) has 15 MiB (0xf00000)",
    );
  });
});
