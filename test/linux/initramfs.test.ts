// SPDX-License-Identifier: BSD-2-Clause
import { Buffer } from 'node:buffer';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { renderCpio } from '../../linux/cpio.ts';
import { appendOverlay, gzip, packInitramfs } from '../../linux/initramfs.ts';
import { inspectInitrd } from '../../linux/initrd.ts';

const named = (name: string) => ({ name, bytes: Buffer.from(`bytes of ${name}`) });
const parts = {
  init: Buffer.from('init'),
  programs: [named('vsock_send'), named('vsock_recv')],
  modules: [named('virtio_mmio.ko'), named('vsock.ko')],
};
const pathsOf = (bytes: Buffer): readonly string[] =>
  inspectInitrd(bytes, 'x').initrd?.members?.map(({ path }) => path) ?? [];

describe('our initramfs', () => {
  test('has init, the programs, the early devices, and the modules with their order', () => {
    expect(pathsOf(packInitramfs(parts))).toEqual([
      'dev',
      'dev/console',
      'dev/null',
      'init',
      'modules',
      'modules/order',
      'modules/virtio_mmio.ko',
      'modules/vsock.ko',
      'proc',
      'root',
      'root/vsock_recv',
      'root/vsock_send',
      'sys',
      'tmp',
    ]);
    expect(gunzipSync(packInitramfs(parts)).toString('latin1')).toContain('\0virtio_mmio.ko\nvsock.ko\n');
  });

  test('has no modules folder for a kernel with all built in, and a shell only if it is asked for', () => {
    const { modules: _, ...builtIn } = parts;
    expect(pathsOf(packInitramfs(builtIn)).filter((path) => /modules|busybox/.test(path))).toEqual([]);
    const shell = pathsOf(packInitramfs({ ...builtIn, busybox: Buffer.from('b') }));
    expect(shell).toEqual(expect.arrayContaining(['bin/busybox', 'bin/sh']));
  });

  test('is the same each time, and its gzip header names no time and no system', () => {
    expect(packInitramfs(parts).equals(packInitramfs(parts))).toBe(true);
    // RFC 1952: magic, deflate, no flags, time 0, extra flags 2 (best compression), unknown system
    expect(gzip(Buffer.from('x')).toString('hex', 0, 10)).toBe('1f8b08000000000002ff');
  });
});

describe('the overlay on a given initrd', () => {
  const given = renderCpio([{ kind: 'file', path: 'init', mode: 0o755, bytes: Buffer.from('theirs') }]);
  const overlay = { programs: parts.programs, startScript: Buffer.from('#!/bin/sh') };

  test.each([
    ['plain', given],
    ['gzip', gzip(given)],
  ])('keeps a %s one byte for byte and adds ours behind it, aligned', (_, initrd) => {
    const both = appendOverlay(initrd, overlay);
    expect(both.subarray(0, initrd.length).equals(initrd)).toBe(true);
    const start = initrd.length + ((4 - (initrd.length % 4)) % 4);
    expect(both.subarray(initrd.length, start).every((byte) => byte === 0)).toBe(true);
    expect(pathsOf(both.subarray(start))).toEqual([
      'etc',
      'etc/init.d',
      'etc/init.d/S99vsock',
      'root',
      'root/vsock_recv',
      'root/vsock_send',
    ]);
  });

  test('brings PID 1 and the modules for a modular kernel, and leaves their /init alone', () => {
    const both = appendOverlay(given, { ...overlay, modular: { init: parts.init, modules: parts.modules } });
    const ours = pathsOf(both.subarray(given.length));
    expect(ours).toEqual(expect.arrayContaining(['vsock_init', 'modules/order', 'modules/vsock.ko']));
    expect(ours).not.toContain('init');
  });
});
