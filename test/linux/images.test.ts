// SPDX-License-Identifier: BSD-2-Clause
// Which kernel and initrd a command line means, and what is refused before a step runs.
import { Buffer } from 'node:buffer';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { renderCpio } from '../../linux/cpio.ts';
import type { DebianGuest } from '../../linux/debian.ts';
import { loadGuestImages } from '../../linux/images.ts';
import { gzip } from '../../linux/initramfs.ts';
import { Refusal } from '../../meta/diagnostic.ts';
import { makeImage } from './kernels.ts';

let dir = '';
const at = (name: string): string => join(dir, name);
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), `vmbuild it's "an" image `));
  await writeFile(at('Image'), makeImage());
  const init = { kind: 'file', path: 'init', mode: 0o755, bytes: Buffer.from('theirs') } as const;
  await writeFile(at('rootfs.cpio.gz'), gzip(renderCpio([init])));
  await writeFile(at('vmlinux'), '\x7fELF');
  await writeFile(at('text'), 'text');
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

let fetches = 0;
const debian = async (): Promise<DebianGuest> => {
  fetches += 1;
  const file = { path: at('Image'), sha256: '0'.repeat(64) };
  return {
    kernel: { ...file, version: '7.3.4' },
    modules: [{ ...file, name: 'vsock' }],
    loopbackModules: [{ ...file, name: 'vsock_loopback' }],
    busybox: file,
    provenance: { format: 1, release: '7.3.4', version: '7.3.4-1', from: '', packages: [], files: [] },
  };
};
const load = (given: { linux?: string; initrd?: string }) => {
  fetches = 0;
  return loadGuestImages({ ...given, debian });
};

async function refusalOf(run: Promise<unknown>): Promise<string> {
  const error: unknown = await run.catch((caught: unknown) => caught);
  if (!(error instanceof Refusal)) throw error;
  return error.message;
}

describe('guest images', () => {
  test('nothing given: Debian, with its modules and no loopback', async () => {
    const { images, warnings } = await load({});
    expect(images.modules.map(({ name }) => name)).toEqual(['vsock']);
    expect(images).toMatchObject({ kernel: { release: '7.3.4+deb13-cloud-arm64' }, busybox: at('Image') });
    expect(images.initrd).toBeUndefined();
    expect([warnings, fetches]).toEqual([[], 1]);
  });

  test('--linux alone: that kernel with our initramfs; nothing is fetched', async () => {
    const { images } = await load({ linux: relative(process.cwd(), at('Image')) });
    expect(images).toEqual({
      kernel: { path: at('Image'), release: '7.3.4+deb13-cloud-arm64' },
      modules: [],
    });
    expect(fetches).toBe(0);
  });

  test('--initrd alone: on top of a Debian kernel and its modules', async () => {
    const { images } = await load({ initrd: at('rootfs.cpio.gz') });
    expect(images.initrd).toBe(at('rootfs.cpio.gz'));
    expect(images.modules).toHaveLength(1);
    expect(fetches).toBe(1);
  });

  test('both: just these', async () => {
    const { images } = await load({ linux: at('Image'), initrd: at('rootfs.cpio.gz') });
    expect(images.modules).toEqual([]);
    expect(images.initrd).toBe(at('rootfs.cpio.gz'));
    expect(fetches).toBe(0);
  });

  test('what is wrong with both is said at once', async () => {
    expect((await refusalOf(load({ linux: at('vmlinux'), initrd: at('text') }))).split('\n')).toEqual([
      expect.stringMatching(/^KERN105 kernel '.*vmlinux' is an ELF file/),
      expect.stringMatching(/^INIT102 initrd '.*text' begins with 0x74657874:/),
    ]);
  });

  test('a bad initrd is refused before anything is fetched', async () => {
    expect(await refusalOf(load({ initrd: at('text') }))).toMatch(/^INIT102/);
    expect(fetches).toBe(0);
  });

  test('an old kernel and an initrd without init are warnings', async () => {
    await writeFile(at('Image'), makeImage({ banner: 'Linux version 6.1.0 (x)' }));
    await writeFile(at('rootfs.cpio.gz'), renderCpio([]));
    const { warnings } = await load({ linux: at('Image'), initrd: at('rootfs.cpio.gz') });
    expect(warnings.map(({ code }) => code)).toEqual(['KERN116', 'INIT107']);
  });

  test.each([
    ['absent', /^IMG101 --linux '.*absent' does not exist$/],
    ['folder', /^IMG101 --linux '.*folder' is a directory$/],
    ['Image/x', /^IMG101 --linux '.*Image\/x' does not exist$/],
    ['/dev/zero', /^IMG101 --linux '\/dev\/zero' is not a regular file$/],
    ['loop', /^IMG101 --linux '.*loop' is a symbolic link that leads back to itself$/],
    ['huge', /^IMG101 --linux '.*huge' has 1073741825 bytes; 1073741824 is the most that it may have$/],
  ])('--linux %s', async (name, expected) => {
    await mkdir(at('folder'));
    await symlink('loop', at('loop'));
    await writeFile(at('huge'), '');
    await truncate(at('huge'), 1024 ** 3 + 1);
    expect(await refusalOf(load({ linux: resolve(dir, name) }))).toMatch(expected);
  });
});
