// SPDX-License-Identifier: BSD-2-Clause
// The same inputs make the same image, whoever builds it, where, when and how wide: two builds that differ in all of it.
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it, type TestContext } from 'vitest';
import { cacheDir } from '../../make/store/cache.ts';
import { findSdk } from '../../make/store/sdk.ts';
import { findSources } from '../../make/store/sources.ts';
import { needStack, packageRoot } from './program.ts';

interface Built {
  /** SHA-256 of what a user gets. */
  readonly sums: Readonly<Record<string, string>>;
  readonly mode: string;
  readonly directory: string;
}

const names = ['loader.img', 'report.txt', 'vsock.system', 'guest/initrd.cpio.gz', 'client_vmm0.elf'];

function build(directory: string, umask: string, jobs: string, env: Record<string, string>): Built {
  mkdirSync(directory, { recursive: true });
  const command = `umask ${umask} && exec "$0" "$@"`;
  const program = [process.execPath, join(packageRoot, 'dist/vmbuild.cjs'), '-q', '-j', jobs];
  const sources = findSources({ env: process.env });
  const run = spawnSync('sh', ['-c', command, ...program], {
    cwd: directory,
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      VMBUILD_CACHE: cacheDir(process.env),
      MICROKIT_SDK: findSdk({ env: process.env }).path,
      LIBVMM: sources.libvmm.path,
      SDDF: sources.sddf.path,
      ...env,
    },
  });
  expect(run.status, run.stderr).toBe(0);
  const build = join(directory, 'build');
  const sum = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(join(build, name)))
      .digest('hex');
  return {
    sums: Object.fromEntries(names.map((name) => [name, sum(name)])),
    mode: (statSync(join(build, 'vsock.system')).mode & 0o777).toString(8),
    directory,
  };
}

let pair: Promise<readonly [Built, Built]> | undefined;

/** Built once for all rows. */
async function buildPair(ctx: TestContext): Promise<readonly [Built, Built]> {
  await needStack(ctx);
  pair ??= Promise.resolve([
    build(join(root, 'one'), '022', '1', {
      HOME: '/',
      USER: 'root',
      LC_ALL: 'C',
      TZ: 'UTC',
      SOURCE_DATE_EPOCH: '0',
    }),
    build(join(root, 'another/place'), '077', '8', {
      HOME: '/nowhere',
      USER: 'somebody',
      LOGNAME: 'somebody',
      LC_ALL: 'tr_TR.UTF-8',
      TZ: 'Pacific/Kiritimati',
      SOURCE_DATE_EPOCH: '1700000000',
    }),
  ]);
  return pair;
}

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'vmbuild-e2e-'));
  return () => rmSync(root, { recursive: true, force: true });
});

it.for([
  ['[Time, reproducibility] SOURCE_DATE_EPOCH: any value makes the same image'],
  ['[Time, reproducibility] umask 077: makes the same image'],
  ['[Time, reproducibility] another directory: makes the same image'],
  ['[Time, reproducibility] user: another name and home make the same image'],
  ['[Time, reproducibility] locale: makes the same image'],
  ['[Time, reproducibility] time zone: makes the same image'],
  ['[Time, reproducibility] -j1 against -j8: makes the same image'],
])('%s', { timeout: 600_000 }, async (_, ctx) => {
  const [one, other] = await buildPair(ctx);
  expect(other.sums).toEqual(one.sums);
  // The two did differ.
  expect([one.mode, other.mode]).toEqual(['644', '600']);
  expect(readFileSync(join(other.directory, 'build/loader.img')).includes(other.directory)).toBe(false);
});
