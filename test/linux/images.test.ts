// SPDX-License-Identifier: BSD-2-Clause
// Which kernel and initrd a command line means, and what is refused before a step runs.
import { Buffer } from 'node:buffer';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { type CpioEntry, renderCpio } from '../../linux/cpio.ts';
import type { DebianGuest } from '../../linux/debian.ts';
import { type ImageRequest, type LoadedImages, loadGuestImages } from '../../linux/images.ts';
import { gzip } from '../../linux/initramfs.ts';
import { Refusal } from '../../meta/diagnostic.ts';
import { goodConfig, makeImage, makeZboot } from './kernels.ts';

const file = (path: string, text: string): CpioEntry => ({
  kind: 'file',
  path,
  mode: 0o755,
  bytes: Buffer.from(text),
});
const rootfs = (more: readonly CpioEntry[] = []): Buffer =>
  gzip(renderCpio([file('init', 'theirs'), file('etc/init.d/rcS', ''), ...more]));
/** As `make modules_install` lays them. */
const modulesOf = (release: string, extension = 'ko'): CpioEntry[] => {
  const files = [
    'drivers/virtio/virtio_mmio',
    'net/vmw_vsock/vsock',
    'net/vmw_vsock/vmw_vsock_virtio_transport_common',
    'net/vmw_vsock/vmw_vsock_virtio_transport',
  ].map((name) => `kernel/${name}.${extension}`);
  const [mmio, vsock, common, transport] = files;
  const dep = [`${mmio}:`, `${vsock}:`, `${common}: ${vsock}`, `${transport}: ${common} ${vsock}`, ''];
  const builtin = 'kernel/net/vmw_vsock/vsock_loopback.ko\nkernel/drivers/char/virtio_console.ko\n';
  return [
    file(`lib/modules/${release}/modules.dep`, dep.join('\n')),
    file(`lib/modules/${release}/modules.builtin`, builtin),
    ...files.map((path) => file(`lib/modules/${release}/${path}`, path)),
  ];
};

let dir = '';
const at = (name: string): string => join(dir, name);
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), `vmbuild it's "an" image `));
  await writeFile(at('Image'), makeImage());
  await writeFile(at('rootfs.cpio.gz'), rootfs());
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
const load = (given: { linux?: string; initrd?: string }, more: Partial<ImageRequest> = {}) => {
  fetches = 0;
  return loadGuestImages({ ...given, unpackedDir: at('unpacked'), debian, ...more });
};
const codesOf = ({ warnings }: LoadedImages): string[] => warnings.map(({ code }) => code);

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
    await writeFile(at('Image'), makeImage({ config: goodConfig }));
    const { images, warnings } = await load({ linux: relative(process.cwd(), at('Image')) });
    expect(images).toEqual({
      kernel: { path: at('Image'), release: '7.3.4+deb13-cloud-arm64' },
      modules: [],
    });
    expect([warnings, fetches]).toEqual([[], 0]);
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
    expect(warnings.map(({ code }) => code)).toEqual(['KERN116', 'INIT107', 'KERN124']);
  });

  it('an initrd whose init nobody knows to start our script: a warning', async () => {
    await writeFile(at('rootfs.cpio.gz'), renderCpio([file('init', 'theirs')]));
    expect(codesOf(await load({ initrd: at('rootfs.cpio.gz') }))).toEqual(['INIT123']);
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

describe('a given kernel', () => {
  const release = '7.3.4+deb13-cloud-arm64';
  const modular = goodConfig.replaceAll(/^(CONFIG_(?:\w*VSOCKETS\w*|VIRTIO_MMIO))=y/gm, '$1=m');

  it.each([
    ["[Kernel image] gzip'd Image.gz", (image: Buffer) => gzip(image)],
    ['[Kernel image] EFI zboot (MZ + zimg)', (image: Buffer) => makeZboot(gzip(image), 'gzip')],
  ])('%s: is unpacked once, into the store', async (_, pack) => {
    const image = makeImage({ config: goodConfig });
    await writeFile(at('Image'), pack(image));
    const first = await load({ linux: at('Image') });
    expect(first.warnings).toEqual([]);
    expect(await readFile(first.images.kernel.path)).toEqual(image);
    const second = await load({ linux: at('Image') });
    expect(second.images).toEqual(first.images);
    expect(await readdir(at('unpacked'))).toHaveLength(1);
  });

  it('packed, and something else inside: named for that', async () => {
    await writeFile(at('Image'), gzip(Buffer.from('\x7fELF')));
    expect(await refusalOf(load({ linux: at('Image') }))).toMatch(
      /^KERN105 .* is an ELF file .* \(unpacked with gzip\)$/,
    );
  });

  it('that does not say how it was configured: a warning, with and without an initrd', async () => {
    expect(codesOf(await load({ linux: at('Image') }))).toEqual(['KERN124']);
    expect(codesOf(await load({ linux: at('Image'), initrd: at('rootfs.cpio.gz') }))).toEqual(['KERN124']);
  });

  it('[Kernel image] CONFIG_VIRTIO_MMIO or VIRTIO_VSOCKETS missing, or =m without the modules: without, --linux alone and with an initrd', async () => {
    await writeFile(at('Image'), makeImage({ config: modular }));
    const refused = [
      await refusalOf(load({ linux: at('Image') })),
      await refusalOf(load({ linux: at('Image'), initrd: at('rootfs.cpio.gz') })),
    ];
    for (const text of refused) expect(text.match(/^KERN123 .*=m/gm)).toHaveLength(4);
  });

  it('=m with a Debian guest of its release in the store: takes its modules', async () => {
    await writeFile(at('Image'), makeImage({ config: modular }));
    const all = ['virtio_mmio', 'vsock', 'vmw_vsock_virtio_transport_common', 'vmw_vsock_virtio_transport'];
    const guest = await debian();
    const [module] = guest.modules;
    if (module === undefined) throw new Error('a module');
    const stored = { ...guest, modules: all.map((name) => ({ ...module, name })) };
    const asked: string[] = [];
    const { images, warnings } = await load(
      { linux: at('Image') },
      {
        storedDebian: async (wanted) => {
          asked.push(wanted);
          return stored;
        },
      },
    );
    expect(asked).toEqual([release]);
    expect(warnings).toEqual([]);
    expect(images.modules.map(({ name }) => name)).toEqual(all);
    expect(images.busybox).toBe(at('Image'));
  });

  it('=m with the modules in the initrd: they are loaded from there, in order', async () => {
    await writeFile(at('rootfs.cpio.gz'), rootfs(modulesOf(release)));
    const loaded = await load({ linux: at('Image'), initrd: at('rootfs.cpio.gz') });
    expect(loaded.warnings).toEqual([]);
    expect(loaded.images.initrdModules?.map((path) => path.split('/').at(-1))).toEqual([
      'virtio_mmio.ko',
      'vsock.ko',
      'vmw_vsock_virtio_transport_common.ko',
      'vmw_vsock_virtio_transport.ko',
    ]);
  });

  it('=m with packed modules in the initrd: its own init is trusted to load them', async () => {
    await writeFile(at('rootfs.cpio.gz'), rootfs(modulesOf(release, 'ko.xz')));
    const { images, warnings } = await load({ linux: at('Image'), initrd: at('rootfs.cpio.gz') });
    expect(warnings).toEqual([]);
    expect(images.initrdModules).toBeUndefined();
  });

  it('with the modules of another kernel in the initrd: both releases are named', async () => {
    await writeFile(at('rootfs.cpio.gz'), rootfs(modulesOf('6.13.0')));
    const { warnings } = await load({ linux: at('Image'), initrd: at('rootfs.cpio.gz') });
    expect(warnings.map(({ code }) => code)).toEqual(['INIT124', 'KERN124']);
    expect(warnings[0]?.message).toMatch(
      /^the modules in initrd '.*' are for 6\.13\.0, kernel '.*' is 7\.3\.4\+deb13-cloud-arm64/,
    );
  });

  it('[Kernel image] CONFIG_VIRTIO_MMIO or VIRTIO_VSOCKETS missing, or =m without the modules: missing, by the module lists of the initrd', async () => {
    const lists = modulesOf(release).filter(({ path }) => path.includes('/modules.'));
    await writeFile(at('rootfs.cpio.gz'), rootfs(lists));
    expect(await refusalOf(load({ linux: at('Image'), initrd: at('rootfs.cpio.gz') }))).toMatch(
      /^KERN123 .* has CONFIG_VSOCKETS=m, .* \(by the module lists in its initrd\), but nobody loads its module 'vsock'/,
    );
  });

  it('with its .config beside it, or in its own tree: that is asked', async () => {
    const lacking = goodConfig.replace('CONFIG_VSOCKETS=y', '');
    const boot = at('linux/arch/arm64/boot');
    await mkdir(boot, { recursive: true });
    await writeFile(join(boot, 'Image'), makeImage());
    await writeFile(at('linux/.config'), lacking);
    expect(await refusalOf(load({ linux: join(boot, 'Image') }))).toMatch(
      /^KERN122 .* lacks CONFIG_VSOCKETS, .*\.config'\)$/,
    );
    await writeFile(at(`vmlinuz-x`), makeImage());
    await writeFile(at(`config-x`), lacking);
    expect(await refusalOf(load({ linux: at('vmlinuz-x') }))).toMatch(/^KERN122 .*config-x'\)$/);
    await writeFile(at(`config-${release}`), goodConfig);
    expect((await load({ linux: at('Image') })).warnings).toEqual([]);
  });
});

describe("Trustworthy Systems' images", () => {
  const asked: string[][] = [];
  const trustworthy: ImageRequest['trustworthy'] = async (parts) => {
    asked.push([...parts]);
    return parts.map((part) => at(part === 'kernel' ? 'Image' : 'rootfs.cpio.gz'));
  };
  beforeEach(() => {
    asked.length = 0;
  });

  it.each<readonly [string, { linux?: string; initrd?: string }, string[][]]>([
    ['nothing given: both', {}, [['kernel', 'initrd']]],
    ['--linux alone: their initrd', { linux: 'Image' }, [['initrd']]],
    ['--initrd alone: their kernel', { initrd: 'rootfs.cpio.gz' }, [['kernel']]],
    ['both given: nothing', { linux: 'Image', initrd: 'rootfs.cpio.gz' }, []],
  ])('%s', async (_, given, expected) => {
    const files = Object.fromEntries(Object.entries(given).map(([flag, name]) => [flag, at(name)]));
    const { images } = await load(files, { trustworthy });
    expect(asked).toEqual(expected);
    expect(images).toMatchObject({
      kernel: { path: at('Image') },
      initrd: at('rootfs.cpio.gz'),
      modules: [],
    });
    expect(fetches).toBe(0);
  });

  it('their kernel is known to have the options, unless it says otherwise', async () => {
    expect(codesOf(await load({}, { trustworthy }))).toEqual([]);
    await writeFile(at('Image'), makeImage({ config: 'CONFIG_X=y\n' }));
    expect(await refusalOf(load({}, { trustworthy }))).toMatch(/^KERN122 .* lacks CONFIG_VSOCKETS/);
  });
});
