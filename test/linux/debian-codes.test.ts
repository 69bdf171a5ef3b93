// SPDX-License-Identifier: BSD-2-Clause
// What a Debian mirror or package may lack that the mirror of debian.test.ts always has: one code each.

import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { openDeb, unpackModule } from '../../linux/deb.ts';
import { takeFiles } from '../../linux/debian-files.ts';
import { chooseKernel } from '../../linux/debian-packages.ts';
import type { Apt, AptPackage } from '../../make/tools/apt.ts';
import { scratchDir, write } from '../make/scratch.ts';

const { signal } = new AbortController();

afterEach(() => {
  vi.unstubAllEnvs();
});

/** A mirror with these packages: what they depend on, by name. */
const mirrorWith = (packages: Readonly<Record<string, readonly string[]>>): Apt => ({
  show: (name) => Promise.resolve(packages[name] === undefined ? [] : [packageOf(name, packages[name])]),
  names: () => Promise.resolve(Object.keys(packages)),
  update: () => Promise.resolve(),
  download: () => Promise.reject(new Error('nothing is downloaded')),
});

const packageOf = (name: string, depends: readonly string[] = []): AptPackage => ({
  name,
  version: '1',
  architecture: 'arm64',
  sizeBytes: 1,
  sha256: '',
  file: '',
  depends,
});

test('DEB105 a package that the kernel needs is not on the mirror', async () => {
  const image = 'linux-image-9.1.2+deb13-cloud-arm64';
  const apt = mirrorWith({ 'linux-image-cloud-arm64': [image] });
  await expect(chooseKernel(apt, undefined, 'there')).rejects.toThrow(
    `DEB105 package ${image} for arm64 is not on there`,
  );
});

test('DEB106 the newest kernel cannot be told', async () => {
  const apt = mirrorWith({ 'linux-image-cloud-arm64': ['linux-base'] });
  await expect(chooseKernel(apt, undefined, 'there')).rejects.toThrow(
    'DEB106 package linux-image-cloud-arm64 1 of there depends on no kernel image',
  );
});

test('DEB111 no program that unpacks', async () => {
  vi.stubEnv('PATH', scratchDir());
  await expect(unpackModule('x.ko.xz', Buffer.from('x'), signal)).rejects.toThrow(
    "DEB111 'xz' was not found; it unpacks 'x.ko.xz'",
  );
});

test('DEB112 a package that is none', async () => {
  const directory = scratchDir();
  const deb = write(directory, 'x.deb', 'no archive');
  chmodSync(write(directory, 'bin/dpkg-deb', '#!/bin/sh\nexit 2\n'), 0o755);
  vi.stubEnv('PATH', join(directory, 'bin'));
  await expect(openDeb(deb, `${directory}/x.tar`, signal)).rejects.toThrow(
    /^DEB112 '.*x\.deb' could not be unpacked: /,
  );
});

test('DEB113 packages without a kernel', async () => {
  const taking = { debs: new Map(), release: '9', made: scratchDir(), signal, onWarning: () => {} };
  await expect(takeFiles(taking)).rejects.toThrow('holds usr/lib/modules/9/vmlinuz or boot/vmlinuz-9');
});
