// SPDX-License-Identifier: BSD-2-Clause
// `--guest debian` against a small mirror on loopback, with the real apt; and once against this host's own mirror.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, type TestContext, test } from 'vitest';
import { type DebianProgress, type FetchDebianOptions, fetchDebianGuest } from '../../linux/debian.ts';
import { checkDeb } from '../../linux/debian-files.ts';
import { isVersion } from '../../linux/debian-packages.ts';
import { inspectKernel } from '../../linux/image.ts';
import { openApt } from '../../make/tools/apt.ts';
import { Refusal } from '../../meta/diagnostic.ts';
import { requireOrSkip } from '../require.ts';
import { loadDebianGuest } from './debian-guest.ts';
import {
  type Mirror,
  type MirrorShape,
  makeModule,
  newRelease,
  newVersion,
  oldRelease,
  oldVersion,
  startMirror,
} from './mirror.ts';
import { findTool } from './toolchain.ts';

// A proxy of this machine is not for loopback.
process.env['no_proxy'] = '127.0.0.1';

let cacheDir = '';
let mirror: Mirror | undefined;
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), `vmbuild it's "a" cache `));
});
afterEach(async () => {
  await mirror?.close();
  mirror = undefined;
  await rm(cacheDir, { recursive: true, force: true });
});

async function start(ctx: Pick<TestContext, 'skip'>, shape: MirrorShape = {}): Promise<Mirror> {
  const missing = ['apt-get', 'dpkg-deb', 'xz', 'tar'].filter((name) => findTool(name) === undefined);
  requireOrSkip(
    ctx,
    'guest-images',
    missing.length === 0,
    `no ${missing.join(', ')}: Debian guests need a Debian host`,
  );
  mirror = await startMirror(shape);
  return mirror;
}

const fetchFrom = (from: Mirror, more: Partial<FetchDebianOptions> = {}) =>
  fetchDebianGuest({
    cacheDir,
    offline: false,
    signal: AbortSignal.timeout(60_000),
    sources: from.sources,
    retries: 0,
    ...more,
  });

/** The one diagnostic of a refusal, as `CODE message | hint`. */
async function refusalOf(run: Promise<unknown>): Promise<string> {
  const error: unknown = await run.then(
    () => 'it succeeded',
    (caught: unknown) => caught,
  );
  if (!(error instanceof Refusal)) throw error;
  return error.diagnostics.map(({ code, message, hint }) => `${code} ${message} | ${hint}`).join('\n');
}

const leftovers = async (): Promise<string[]> => readdir(join(cacheDir, 'guests/debian')).catch(() => []);

describe('the newest kernel', () => {
  test('comes with its modules in load order, busybox, and a lock that says what was taken', async (ctx) => {
    const from = await start(ctx);
    const seen: DebianProgress[] = [];
    const guest = await fetchFrom(from, { onProgress: (one) => seen.push(one) });
    expect(guest.kernel.version).toBe(newRelease);
    expect(guest.kernel.path).toBe(join(cacheDir, 'guests/debian', newVersion, 'Image'));
    expect(inspectKernel(await readFile(guest.kernel.path), 'x').image?.release).toBe(newRelease);
    expect(guest.modules.map(({ name }) => name)).toEqual([
      'virtio_mmio',
      'vsock',
      'vmw_vsock_virtio_transport_common',
      'vmw_vsock_virtio_transport',
    ]);
    expect(guest.loopbackModules.map(({ name }) => name)).toEqual(['vsock_loopback']);
    expect(await readFile(guest.busybox.path, 'utf8')).toBe('busybox\n');
    // To the last byte: a module's signature ends in a newline.
    expect((await readFile(guest.modules[1]?.path ?? '')).equals(makeModule([], newRelease))).toBe(true);
    expect(guest.provenance.packages.map(({ name, version }) => `${name} ${version}`)).toEqual([
      `linux-binary-${newRelease} ${newVersion}`,
      `linux-modules-${newRelease} ${newVersion}`,
      'busybox-static 1:1.37.0-6',
    ]);
    expect(seen.map(({ stage }) => stage).join(' ')).toBe(
      'lists announce download unpack download unpack download unpack',
    );
    const announced = seen.find((one) => one.stage === 'announce');
    const total = guest.provenance.packages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    expect(announced).toEqual({
      stage: 'announce',
      release: newRelease,
      bytes: total,
      from: from.sources[0]?.uri,
      to: join(cacheDir, 'guests/debian', newVersion),
    });
    expect(await leftovers()).toEqual([newVersion, 'versions']);
  });

  test('is fetched once: the second run asks the network nothing, nor does --offline', async (ctx) => {
    const from = await start(ctx);
    const first = await fetchFrom(from);
    from.requests.length = 0;
    expect(await fetchFrom(from)).toEqual(first);
    expect(await fetchFrom(from, { offline: true })).toEqual(first);
    expect(await fetchFrom(from, { offline: true, version: '9.1.2' })).toEqual(first);
    expect(from.requests).toEqual([]);
  });

  test('a cache whose files changed is fetched again, and refused offline', async (ctx) => {
    const from = await start(ctx);
    const first = await fetchFrom(from);
    const module = first.modules[0]?.path ?? '';
    const changed = await readFile(module);
    changed.writeUInt8((changed[100] ?? 0) ^ 1, 100);
    await writeFile(module, changed);
    expect(await refusalOf(fetchFrom(from, { offline: true }))).toMatch(
      /^DEB103 no Debian guest in .*--offline/,
    );
    expect(await fetchFrom(from)).toEqual(first);
    await writeFile(join(cacheDir, 'guests/debian', newVersion, 'lock.json'), '{"format":');
    expect(await fetchFrom(from)).toEqual(first);
  });

  test('what a killed fetch left behind goes with the next one', async (ctx) => {
    const from = await start(ctx);
    const root = join(cacheDir, 'guests/debian');
    await mkdir(join(root, '.fetch-999999999-1-abcdef/apt'), { recursive: true });
    await mkdir(join(root, `.fetch-${process.ppid}-0-abcdef`));
    await fetchFrom(from);
    // The second one's process is alive.
    expect(await leftovers()).toEqual([`.fetch-${process.ppid}-0-abcdef`, newVersion, 'versions']);
  });

  test('two fetches at a time both end well', async (ctx) => {
    const from = await start(ctx);
    const [a, b] = await Promise.all([fetchFrom(from), fetchFrom(from)]);
    expect(a).toEqual(b);
    expect(await leftovers()).toEqual([newVersion, 'versions']);
  });
});

describe('a pinned kernel', () => {
  test.for([['8.0.1'], [oldRelease], [oldVersion]])(
    'by %s, from a package that holds all itself',
    async ([version = ''], ctx) => {
      const guest = await fetchFrom(await start(ctx), { version });
      expect(guest.kernel.version).toBe(oldRelease);
      expect(guest.provenance.packages.map(({ name }) => name)).toEqual([
        `linux-image-${oldRelease}`,
        'busybox-static',
      ]);
      expect(guest.modules).toHaveLength(4);
    },
  );

  test('does not become the default of later runs', async (ctx) => {
    const from = await start(ctx);
    await fetchFrom(from);
    await fetchFrom(from, { version: oldVersion });
    expect((await fetchFrom(from, { offline: true })).kernel.version).toBe(newRelease);
    expect((await fetchFrom(from, { offline: true, version: '8.0.1' })).kernel.version).toBe(oldRelease);
  });

  test('that left the mirror is named, with what is there', async (ctx) => {
    const refusal = await refusalOf(fetchFrom(await start(ctx), { version: '8.2' }));
    expect(refusal).toMatch(
      /^DEB104 Debian kernel 8\.2 is not on http:.* small \(any more\); it has 8\.0\.1\+deb13, 9\.1\.2\+deb13 \|/,
    );
    expect(await leftovers()).toEqual([]);
  });
});

describe('what goes wrong', () => {
  test('nothing cached and --offline: the network is not asked', async (ctx) => {
    const from = await start(ctx);
    expect(await refusalOf(fetchFrom(from, { offline: true, version: '9.1.2' }))).toMatch(
      /^DEB103 no Debian guest 9\.1\.2 in '.*guests\/debian', and --offline forbids to fetch it \| run once without --offline/,
    );
    expect(from.requests).toEqual([]);
  });

  test.for([
    ['no such suite', /dists/, 'absent', /^APT102 'apt-get update' failed on http.*404/],
    ['no package list', /Packages/, 'absent', /^APT102 .*404/],
    ['a package list that changed', /Packages$/, 'flipped', /^APT103 .*Hash Sum mismatch/],
    ['a package list that is cut off', /Packages$/, 'cut', /^APT10[357] 'apt-get update'/],
    ['a package that is gone', /linux-binary/, 'absent', /^APT102 'apt-get download' failed on .*404/],
    ['a package that changed', /linux-modules/, 'flipped', /^APT103 .*Hash Sum mismatch/],
    ['a package that is cut off', /busybox/, 'cut', /^APT10[357] 'apt-get download'/],
  ] as const)('%s', async ([, path, kind, expected], ctx) => {
    const from = await start(ctx);
    from.fault = { path, kind };
    expect(await refusalOf(fetchFrom(from))).toMatch(expected);
    expect(await leftovers()).toEqual([]);
    from.fault = undefined;
    expect((await fetchFrom(from)).kernel.version).toBe(newRelease);
  });

  test('a mirror that cannot be reached', async (ctx) => {
    const from = await start(ctx);
    const { sources } = from;
    await from.close();
    mirror = undefined;
    const run = fetchDebianGuest({
      cacheDir,
      offline: false,
      signal: AbortSignal.timeout(60_000),
      sources,
      retries: 0,
    });
    expect(await refusalOf(run)).toMatch(
      /^APT105 'apt-get update' failed on http:.*onnect.* \| check the network and the proxy/,
    );
  });

  test('a list that nobody signed is not trusted', async (ctx) => {
    const from = await start(ctx);
    const sources = from.sources.map((source) => ({ ...source, trusted: false }));
    expect(await refusalOf(fetchFrom(from, { sources }))).toMatch(/^APT104 .*not signed/);
  });

  test('DEB114: a cache that is a file, and one that cannot be made', async (ctx) => {
    const from = await start(ctx);
    const file = join(cacheDir, 'file');
    await writeFile(file, '');
    for (const bad of [file, join(cacheDir, 'x'.repeat(300))])
      expect(await refusalOf(fetchFrom(from, { cacheDir: bad }))).toMatch(
        new RegExp(
          `^DEB114 the cache '${bad}/guests/debian' cannot be used: E[A-Z]+:.* \\| make it writable`,
        ),
      );
    expect(from.requests).toEqual([]);
  });

  test('an abort in mid download ends it and leaves nothing', async (ctx) => {
    const from = await start(ctx);
    from.fault = { path: /linux-modules/, kind: 'stalls' };
    const controller = new AbortController();
    const run = fetchFrom(from, {
      signal: controller.signal,
      onProgress: (one) => {
        if (one.stage === 'download' && one.name.includes('modules'))
          setTimeout(() => controller.abort(new Error('Ctrl-C')), 300);
      },
    });
    await expect(run).rejects.toThrow('Ctrl-C');
    expect(await leftovers()).toEqual([]);
  });

  test('a module that the kernel does not have is taken to be built in, with a warning', async (ctx) => {
    const from = await start(ctx, { modules: (all) => all.delete('drivers/virtio/virtio_mmio.ko') });
    const warnings: string[] = [];
    const guest = await fetchFrom(from, {
      onProgress: (one) =>
        void (one.stage === 'warning' && warnings.push(`${one.diagnostic.code} ${one.diagnostic.message}`)),
    });
    expect(guest.modules.map(({ name }) => name)[0]).toBe('vsock');
    expect(warnings).toEqual([
      `DEB109 kernel ${newRelease} has no module 'virtio_mmio'; it is taken to be built in`,
    ]);
  });

  test('a module of another kernel, and one that is no module', async (ctx) => {
    const path = 'net/vmw_vsock/vsock.ko';
    const other = await start(ctx, { modules: (all) => all.set(path, makeModule([], '1.2.3')) });
    expect(await refusalOf(fetchFrom(other))).toMatch(/^DEB108 module 'vsock' is built for kernel 1\.2\.3/);
    await other.close();
    const none = await start(ctx, { modules: (all) => all.set(path, Buffer.from('text')) });
    expect(await refusalOf(fetchFrom(none))).toMatch(
      /^DEB110 module 'vsock' \(4 bytes\) is not a 64-bit ELF file/,
    );
    expect(await leftovers()).toEqual([]);
  });
});

test('DEB107: a package that is not the one of the signed list', async () => {
  const deb = join(cacheDir, 'x.deb');
  await writeFile(deb, 'abc');
  const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  await checkDeb(deb, { name: 'x', sha256 });
  expect(await refusalOf(checkDeb(deb, { name: 'x', sha256: sha256.replace('b', 'c') }))).toBe(
    `DEB107 'x' has SHA-256 ${sha256}, the signed package list says ${sha256.replace('b', 'c')} | fetch it again`,
  );
});

describe("the host's apt", () => {
  test('lends its way to the network, not its hooks, sources and architectures', async (ctx) => {
    const from = await start(ctx);
    const signal = AbortSignal.timeout(60_000);
    await openApt({ directory: cacheDir, architecture: 'arm64', sources: from.sources, signal });
    const config = await readFile(join(cacheDir, 'apt.conf'), 'utf8');
    expect(config).not.toMatch(/Invoke|Post-|Pre-|IndexTargets|\/etc\//);
    expect(config).toContain('Acquire::');
    expect(config).toContain('Dir::Etc::sourceparts "./sources.d"');
  });

  test('and its own mirror serves a real guest', async (ctx) => {
    const guest = await loadDebianGuest();
    requireOrSkip(ctx, 'guest-images', typeof guest !== 'string', typeof guest === 'string' ? guest : '');
    if (typeof guest === 'string') return;
    const { image, diagnostics } = inspectKernel(await readFile(guest.kernel.path), 'Image');
    expect(diagnostics).toEqual([]);
    expect(image?.release).toBe(guest.kernel.version);
    expect(guest.modules.map(({ name }) => name)).toContain('vmw_vsock_virtio_transport');
  });
});

test.each([
  ['6.1', '6.1.0-50-cloud-arm64', '6.1.176-1', true],
  ['6.1', '6.12.95+deb12-cloud-arm64', '6.12.95-1~bpo12+1', false],
  ['7.3.4', '7.3.4+deb13-cloud-arm64', '7.3.4-1~bpo13+1', true],
  ['7.3.4-1~bpo13+1', '7.3.4+deb13-cloud-arm64', '7.3.4-1~bpo13+1', true],
  ['6.1.176', '6.1.0-50-cloud-arm64', '6.1.176-1', true],
  ['6.1.17', '6.1.0-50-cloud-arm64', '6.1.176-1', false],
])('the pin %s against %s: %s', (pin, release, version, is) => {
  expect(isVersion(pin, release, version)).toBe(is);
});
