// SPDX-License-Identifier: BSD-2-Clause
// `--guest trustworthy-systems` as a user runs it, against a stand-in of the site on loopback: guests that boot another
// system than ours, and what is said where the images cannot be had.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, type TestContext } from 'vitest';
import type { DebianGuest } from '../../linux/debian.ts';
import { trustworthyImages } from '../../linux/trustworthy-names.ts';
import { stack } from '../../make/stack.ts';
import { loadDebianGuest } from '../linux/debian-guest.ts';
import { type ImageSite, startImageSite } from '../linux/image-site.ts';
import { standInRootfs } from '../linux/stand-in.ts';
import { fakeLibvmm, fakeSddf, fakeSdk } from '../make/store/fake-sdk.ts';
import { pinnedImages } from './pinned.ts';
import { type Ended, needSim, needTools, processesIn, scratch, vmbuild } from './program.ts';

const minutes = 60_000;

interface StandIn {
  readonly site: ImageSite;
  /** Names of its images. */
  readonly names: { readonly kernel: string; readonly initrd: string };
  readonly guest: DebianGuest;
  readonly cache: string;
  readonly run: (args: readonly string[], root?: string) => Promise<Ended>;
}

async function standIn(ctx: TestContext): Promise<StandIn> {
  await needSim(ctx);
  const guest = await loadDebianGuest();
  if (typeof guest === 'string') throw new Error(guest);
  const site = await startImageSite();
  const cache = join(scratch(), 'cache');
  const names = {
    kernel: site.add('linux', 'linux', readFileSync(guest.kernel.path)),
    initrd: site.add('rootfs.cpio.gz', 'rootfs.cpio.gz', await standInRootfs(guest)),
  };
  const env = { VMBUILD_CACHE: cache, VMBUILD_IMAGES: site.base, http_proxy: '', https_proxy: '' };
  const run = (args: readonly string[], root?: string): Promise<Ended> =>
    vmbuild(args, { env, ...(root === undefined ? {} : { root }) });
  return { site, names, guest, cache, run };
}

function expectVerified({ code, stdout, stderr }: Ended): void {
  expect(code, stderr).toBe(0);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('verified (sim: no seL4, no Microkit)');
  expect(stderr).toContain('client_linux0| VSOCK RECV|INFO: All is well in the universe');
  expect(stderr.match(/client_linux\d\| stand-in: rcS runs/g)).toHaveLength(2);
}

it('sim --guest trustworthy-systems: fetched, booted by its own init, verified', {
  timeout: 12 * minutes,
}, async (ctx) => {
  const { site, names, cache, run } = await standIn(ctx);
  const root = pinnedImages(names);
  const buildDir = scratch();
  const args = [
    'sim',
    '--guest',
    'trustworthy-systems',
    '--expect',
    '--timeout',
    '300',
    '--build-dir',
    buildDir,
  ];
  const ended = await run(args, root);
  expectVerified(ended);
  expect(ended.stderr).toContain(`  from ${site.base}${names.kernel}.tar.gz`);
  expect(ended.stderr).toContain(`  to   ${cache}/guests/trustworthy-systems/${names.kernel}`);
  expect(processesIn(buildDir)).toEqual([]);

  const again = await run([...args, '--offline', '--dry-run'], root);
  expect(again.code, again.stderr).toBe(0);
  expect(again.stdout).toContain(`-kernel ${cache}/guests/trustworthy-systems/${names.kernel}`);
});

it("--linux and --initrd take names of libvmm's images, as its Makefiles do", {
  timeout: 12 * minutes,
}, async (ctx) => {
  const { names, run } = await standIn(ctx);
  const ended = await run([
    'sim',
    `LINUX=${names.kernel}`,
    `INITRD=${names.initrd}`,
    '--timeout',
    '300',
    '--build-dir',
    scratch(),
  ]);
  expectVerified(ended);
  // Of a kernel that is only a name, nothing is known.
  expect(ended.stderr).toMatch(
    /warning\[KERN124\]: kernel '.*-linux' \(.*\) does not say how it was configured/,
  );
});

it('modules in /lib/modules of a given initrd are loaded from there', {
  timeout: 12 * minutes,
}, async (ctx) => {
  await needSim(ctx);
  const guest = await loadDebianGuest();
  if (typeof guest === 'string') throw new Error(guest);
  const directory = scratch();
  const initrd = join(directory, 'rootfs.cpio.gz');
  writeFileSync(initrd, await standInRootfs(guest, 'vmbuild'));
  // A copy elsewhere, packed as distributions pack theirs.
  const linux = join(directory, 'vmlinuz');
  writeFileSync(linux, gzipSync(readFileSync(guest.kernel.path), { level: 1 }));
  const files = ['--linux', linux, '--initrd', initrd, '--build-dir', directory];
  const env = { VMBUILD_CACHE: join(directory, 'cache') };
  const ended = await vmbuild(['sim', ...files, '--timeout', '300'], { env });
  expectVerified(ended);
  expect(ended.stderr).not.toContain('warning[');
});

it('fetch: fetches them too, and says so; without them it is a warning', async () => {
  const site = await startImageSite();
  const names = {
    kernel: site.add('linux', 'linux', Buffer.from('a kernel')),
    initrd: site.add('rootfs.cpio.gz', 'rootfs.cpio.gz', Buffer.from('a root file system')),
  };
  const root = pinnedImages(names);
  const cache = join(scratch(), 'cache');
  fakeSdk(join(cache, `sdk/microkit-sdk-${stack.microkit}`));
  fakeLibvmm(join(cache, `src/libvmm-${stack.libvmm.commit}`));
  fakeSddf(join(cache, `src/sddf-${stack.sddf.commit}`));
  const env = { VMBUILD_CACHE: cache, MICROKIT_SDK: undefined, LIBVMM: undefined, SDDF: undefined };
  const proxies = { http_proxy: '', https_proxy: '' };
  const fetch = (images: string, more: readonly string[] = []): Promise<Ended> =>
    vmbuild(['fetch', ...more], { root, env: { ...env, ...proxies, VMBUILD_IMAGES: images } });

  const without = await fetch('http://127.0.0.1:9/');
  expect(without.stderr).toMatch(
    /^vmbuild: warning\[IMG122\]: the images of Trustworthy Systems cannot be had, Debian's are taken instead: NET101: /m,
  );
  expect([without.code, without.stdout.split(':')[0]]).toEqual([0, 'nothing to fetch']);
  const insisting = await fetch('http://127.0.0.1:9/', ['--guest', 'trustworthy-systems']);
  expect(insisting.stderr).toMatch(/error\[NET101\]/);
  expect(insisting.code).toBe(1);

  const first = await fetch(site.base);
  expect(first.stdout).toBe(
    `fetched guest kernel ${names.kernel.slice(0, 8)}, guest initrd ${names.initrd.slice(0, 8)} into '${cache}'\n`,
  );
  const second = await fetch('http://127.0.0.1:9/', ['--json']);
  expect(second.stderr).toBe('');
  expect(JSON.parse(second.stdout)).toMatchObject({ fetched: [], images: [] });
});

describe('where the images cannot be had', () => {
  const run = (more: readonly string[], images: string, cache = join(scratch(), 'cache')): Promise<Ended> =>
    vmbuild(['sim', '--guest', 'trustworthy-systems', '--build-dir', scratch(), ...more], {
      env: { VMBUILD_CACHE: cache, VMBUILD_IMAGES: images, http_proxy: '', https_proxy: '' },
    });

  it('an unreachable site names the other guest', async (ctx) => {
    await needTools(ctx, 'qemu', ['qemu-system-aarch64', 'clang', 'lld']);
    const ended = await run([], 'http://127.0.0.1:9/');
    expect(ended.stderr).toMatch(/error\[NET101\]: '127\.0\.0\.1:9' cannot be reached/);
    expect(ended.stderr).toContain('; or use --guest debian');
    expect(ended.code).toBe(1);
  });

  it('a 404 names the other guest', async (ctx) => {
    await needTools(ctx, 'qemu', ['qemu-system-aarch64', 'clang', 'lld']);
    const site = await startImageSite();
    const ended = await run([], site.base);
    expect(ended.stderr).toMatch(
      new RegExp(
        `error\\[NET103\\]: .*${trustworthyImages.kernel}\\.tar\\.gz answers 404 \\(it is not there\\)`,
      ),
    );
    expect(ended.stderr).toContain('; or use --guest debian');
    expect(ended.code).toBe(1);
  });

  it('--offline says what to put where', async (ctx) => {
    await needTools(ctx, 'qemu', ['qemu-system-aarch64', 'clang', 'lld']);
    const cache = join(scratch(), 'cache');
    const ended = await run(['--offline'], 'http://127.0.0.1:9/', cache);
    expect(ended.stderr.match(/error\[NET110\]/g)).toHaveLength(2);
    expect(ended.stderr).toContain(`put ${trustworthyImages.initrd}.tar.gz into '${cache}/downloads'`);
    expect(ended.code).toBe(1);
  });
});
