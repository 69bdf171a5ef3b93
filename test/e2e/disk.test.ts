// SPDX-License-Identifier: BSD-2-Clause
// Disks that are full, read-only or broken, under the store and under the outputs: temporary files go, what was there
// stays, and the message has the path and the room.
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { stack } from '../../make/stack.ts';
import { fakeLibvmm, fakeSddf, fakeSdk } from '../make/store/fake-sdk.ts';
import { type GitHub, startGitHub } from '../make/store/github.ts';
import { requireOrSkip } from '../require.ts';
import { type Fault, meet } from './faulty-disk.ts';
import { pinned } from './pinned.ts';
import { type Ended, needStack, needTools, scratch, vmbuild } from './program.ts';

interface FetchSetup {
  readonly github: GitHub;
  readonly cache: string;
  readonly fetch: (env?: Readonly<Record<string, string>>) => Promise<Ended>;
}

/** Only the SDK is fetched: git would meet the faults too, and has its own words for them. */
async function setUpFetch(cache = join(scratch(), 'the store')): Promise<FetchSetup> {
  const github = await startGitHub();
  const root = pinned(github.stack);
  const given = scratch();
  const clean = {
    VMBUILD_CACHE: cache,
    VMBUILD_GITHUB: github.base,
    MICROKIT_SDK: undefined,
    LIBVMM: fakeLibvmm(join(given, 'libvmm')),
    SDDF: fakeSddf(join(given, 'sddf')),
    http_proxy: '',
  };
  return { github, cache, fetch: (env = {}) => vmbuild(['fetch'], { root, env: { ...clean, ...env } }) };
}

/** Refused in words, with nothing half-made; then, without the fault, all is well. */
async function expectRefusedFetch({ cache, fetch }: FetchSetup, run: Ended, words: RegExp): Promise<void> {
  expect(run.stderr).toMatch(words);
  expect(run.stderr).not.toMatch(/internal error|^ +at .*:\d+:\d+\)?$/m);
  expect(run.code).toBe(1);
  expect(halves(cache)).toEqual([]);
  expect((await fetch()).code).toBe(0);
}

/** Files below the store that are neither whole nor a part that the next run goes on with. */
function halves(cache: string): string[] {
  return ['sdk', 'downloads'].flatMap((room) => {
    const path = join(cache, room);
    if (!existsSync(path)) return [];
    return readdirSync(path)
      .filter((name) => name.startsWith('.') || (room === 'sdk' && !existsSync(join(path, name, 'VERSION'))))
      .map((name) => join(room, name));
  });
}

describe('the store', { timeout: 240_000 }, () => {
  it('[Disk] ENOSPC at each write: the path and the room are named, and nothing half-made is left', async (ctx) => {
    const setup = await setUpFetch();
    let met = 0;
    for (let nth = 1; ; nth = Math.ceil(nth * 1.7)) {
      const run = await setup.fetch(meet(ctx, { call: 'write', error: 'ENOSPC', path: setup.cache, nth }));
      if (run.code === 0) break;
      met += 1;
      expect(run.stderr).toMatch(
        /error\[STORE101\]: the store '.*the store' cannot be used: ENOSPC: no space left on device, write \(in '.*' \d+ MiB are free\)/,
      );
      expect(run.code).toBe(1);
      expect(halves(setup.cache)).toEqual([]);
    }
    expect(met).toBeGreaterThan(4);
    expect(readdirSync(join(setup.cache, 'sdk'))).toEqual([`microkit-sdk-${stack.microkit}`]);
  });

  it.for<[string, Omit<Fault, 'path'>, RegExp]>([
    ['EDQUOT', { call: 'write', error: 'EDQUOT' }, /EDQUOT: disk quota exceeded, write \(in/],
    ['EROFS', { call: 'open', error: 'EROFS' }, /EROFS: read-only file system/],
    ['EROFS', { call: 'mkdir', error: 'EROFS' }, /EROFS: read-only file system/],
    ['EACCES', { call: 'open', error: 'EACCES' }, /EACCES: permission denied/],
    ['EACCES', { call: 'rename', error: 'EACCES' }, /EACCES: permission denied/],
    ['EIO', { call: 'write', error: 'EIO' }, /EIO: i\/o error, write \(in/],
    ['EIO', { call: 'fsync', error: 'EIO' }, /EIO: i\/o error, fsync/],
  ])('[Disk] %s: the store says so (%o)', async ([, fault, words], ctx) => {
    const setup = await setUpFetch();
    const run = await setup.fetch(meet(ctx, { ...fault, path: setup.cache }));
    await expectRefusedFetch(
      setup,
      run,
      new RegExp(`error\\[STORE101\\]: the store '.*' cannot be used: ${words.source}`),
    );
  });

  it('[Disk] file > 2 GB on FAT: a limit on file sizes, and nothing half-written', async () => {
    const setup = await setUpFetch();
    setup.github.archive = Buffer.concat([setup.github.archive, Buffer.alloc(2_000_000)]);
    const program = join(pinned(setup.github.stack), 'dist/vmbuild.cjs');
    const { cache, github } = setup;
    const env = { ...process.env, VMBUILD_CACHE: cache, VMBUILD_GITHUB: github.base, http_proxy: '' };
    const shell = ['-c', `ulimit -f 1000; exec '${process.execPath}' '${program}' fetch`];
    const run = await new Promise<{ code: number; stderr: string }>((done) => {
      execFile('bash', shell, { env }, (error, _stdout, stderr) => {
        done({ code: Number(error?.code ?? 0), stderr });
      });
    });
    expect(run.stderr).toMatch(
      /error\[STORE101\]: the store '.*' cannot be used: EFBIG: file too large.*MiB are free/,
    );
    expect(run.code).toBe(1);
    expect(halves(cache)).toEqual([]);
  });

  it('[Disk] read-only cache: what is there is used all the same', async (ctx) => {
    const cache = join(scratch(), 'the store');
    fakeSdk(join(cache, `sdk/microkit-sdk-${stack.microkit}`));
    fakeLibvmm(join(cache, `src/libvmm-${stack.libvmm.commit}`));
    fakeSddf(join(cache, `src/sddf-${stack.sddf.commit}`));
    const env = { VMBUILD_CACHE: cache, MICROKIT_SDK: undefined, LIBVMM: undefined, SDDF: undefined };
    for (const call of ['open', 'mkdir'] as const) {
      const fault = meet(ctx, { call, error: 'EROFS', path: cache });
      expect((await vmbuild(['fetch'], { env: { ...env, ...fault } })).stdout).toMatch(/^nothing to fetch: /);
      const doctor = await vmbuild(['doctor'], { env: { ...env, ...fault } });
      expect(doctor.stdout).toMatch(/^ok {7}Microkit SDK/m);
      expect(doctor.stderr).not.toContain('EROFS');
    }
  });

  it('[Disk] hard links unsupported: none is needed', async (ctx) => {
    const setup = await setUpFetch();
    expect((await setup.fetch(meet(ctx, { call: 'link', error: 'EPERM', path: '/' }))).code).toBe(0);
  });

  it('[Disk] ENOSPC at each write: a small file system, full at the download or at the unpacking', async (ctx) => {
    const mount = join(scratch(), 'small');
    mkdirSync(mount);
    mountSmall(ctx, mount, 200);
    const setup = await setUpFetch(join(mount, 'the store'));
    // Its 300 kB of manual compress to nothing: the archive fits, and what is in it does not.
    const run = await setup.fetch();
    expect(run.stderr).toMatch(
      /error\[STORE101\]: .*ENOSPC: no space left on device.*\(in '.*' 0 MiB are free\)/,
    );
    expect(run.code).toBe(1);
    expect(halves(setup.cache)).toEqual([]);
    // The archive is whole, and stays for the next run.
    expect(readdirSync(join(setup.cache, 'downloads'))).toEqual([setup.github.archiveName]);
    rmSync(join(setup.cache, 'downloads', setup.github.archiveName));
    setup.github.archive = Buffer.concat([setup.github.archive, Buffer.alloc(500_000)]);
    const before = await setup.fetch();
    expect(before.stderr).toMatch(/error\[STORE102\]: '.*' has \d+ bytes free, needed are \d+/);
    expect(before.code).toBe(1);
  });
});

/** A file system in memory of `sizeKib`; only root can. */
function mountSmall(ctx: TestContext, path: string, sizeKib: number): void {
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKib}k`, 'tmpfs', path]);
  requireOrSkip(ctx, 'root', status === 0, 'only root can mount a small file system');
  onTestFinished(() => {
    execFileSync('umount', ['-l', path]);
  });
}

describe('the outputs', { timeout: 240_000 }, () => {
  const generate = (output: string, more: readonly string[] = [], env: Record<string, string> = {}) =>
    vmbuild(['generate', '--output', output, ...more], { env });

  const contents = (output: string): Record<string, string> =>
    Object.fromEntries(
      ['vsock.system', ...readdirSync(join(output, 'config')).map((name) => join('config', name))].map(
        (name) => [name, readFileSync(join(output, name), 'latin1')],
      ),
    );

  it.for<Omit<Fault, 'path'>>([
    { call: 'write', error: 'ENOSPC' },
    { call: 'write', error: 'ENOSPC', nth: 2 },
    { call: 'write', error: 'ENOSPC', nth: 4 },
    { call: 'write', error: 'ENOSPC', nth: 7 },
    { call: 'write', error: 'EDQUOT' },
    { call: 'write', error: 'EIO' },
    { call: 'open', error: 'EROFS' },
    { call: 'open', error: 'EACCES' },
    { call: 'rename', error: 'EACCES', nth: 3 },
  ])('the old output stays intact: %o', async (fault, ctx) => {
    await needTools(ctx, 'dtc', ['dtc']);
    const output = join(scratch(), 'the outputs');
    expect((await generate(output)).code).toBe(0);
    const before = contents(output);
    const run = await generate(output, ['--vms', '3'], meet(ctx, { ...fault, path: output }));
    expect(run.stderr).toMatch(new RegExp(`error\\[STEP11[01]\\]: .*${fault.error}`));
    if (fault.call === 'write') expect(run.stderr).toMatch(/\(in '.*the outputs.*' \d+ MiB are free\)/);
    expect(run.stderr).toContain('the outputs');
    expect(run.stdout).toBe('');
    expect(run.code).toBe(1);
    // Each file is the old one or the new one, whole.
    const after = contents(output);
    const whole = join(scratch(), 'whole');
    await generate(whole, ['--vms', '3']);
    const wanted = contents(whole);
    for (const [name, text] of Object.entries(after)) expect([before[name], wanted[name]]).toContain(text);
    expect(Object.keys(after)).toEqual(expect.arrayContaining(Object.keys(before)));
    expect(
      readdirSync(output, { recursive: true }).filter((name) => /\.vmbuild-\d/.test(String(name))),
    ).toEqual([]);
    // And the next run mends all of it.
    expect((await generate(output, ['--vms', '3'])).code).toBe(0);
    expect(contents(output)).toEqual(wanted);
  });
});

it('[Disk] temporary directory full or absent: named with the way out', { timeout: 240_000 }, async (ctx) => {
  await needStack(ctx);
  const dryRun = (env: Record<string, string>) => vmbuild(['--dry-run'], { env });
  const absent = await dryRun({ TMPDIR: '/nowhere' });
  expect(absent.stderr).toMatch(
    /error\[STORE122\]: the directory for temporary files, '\/nowhere', cannot be used: ENOENT.*\n {2}try: .*set TMPDIR/,
  );
  const temporary = scratch();
  const fault = meet(ctx, { call: 'mkdir', error: 'ENOSPC', path: temporary });
  const full = await dryRun({ TMPDIR: temporary, ...fault });
  expect(full.stderr).toMatch(
    /error\[STORE122\]: .*ENOSPC: no space left on device.*\(in '.*' \d+ MiB are free\)/,
  );
  expect([absent.code, full.code]).toEqual([1, 1]);
  expect([absent.stdout, full.stdout]).toEqual(['', '']);
});
