// SPDX-License-Identifier: BSD-2-Clause
// A tilde that no shell has replaced, and users without a home.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { expandFlags, expandVariables } from '../../cli/home.ts';
import { cacheDir } from '../../make/store/cache.ts';
import { stack } from '../../make/stack.ts';
import { packageRoot, scratch, vmbuild } from '../e2e/program.ts';
import { fakeSdk } from '../make/store/fake-sdk.ts';
import { requireOrSkip } from '../require.ts';

it('a leading ~/ is the home directory, where a path is meant', () => {
  const env = { HOME: '/home/u', MICROKIT_SDK: '~/sdk', LIBVMM: '~', SDDF: 'a/~/b', NOTE: '~/x' };
  expect(expandVariables(env)).toEqual({
    HOME: '/home/u',
    MICROKIT_SDK: '/home/u/sdk',
    LIBVMM: '/home/u',
    SDDF: 'a/~/b',
    NOTE: '~/x',
  });
  expect(expandFlags({ sdk: '~/sdk', linux: '~other/x', append: '~/x', jobs: 3 }, env)).toEqual({
    sdk: '/home/u/sdk',
    linux: '~other/x',
    append: '~/x',
    jobs: 3,
  });
});

it('--sdk=~/sdk, and MICROKIT_SDK=~/sdk as a word and in the environment', async () => {
  const home = scratch();
  fakeSdk(join(home, 'sdk', `microkit-sdk-${stack.microkit}`));
  fakeSdk(join(home, 'sdk', 'microkit-sdk-2.2.0'), { version: '2.2.0' });
  const env = { HOME: home, VMBUILD_CACHE: '~/cache', MICROKIT_SDK: undefined };
  const runs = await Promise.all([
    vmbuild(['doctor', '--sdk=~/sdk'], { env }),
    vmbuild(['doctor', 'MICROKIT_SDK=~/sdk'], { env }),
    vmbuild(['doctor'], { env: { ...env, MICROKIT_SDK: '~/sdk' } }),
  ]);
  for (const { stdout } of runs) {
    expect(stdout).toContain(`2.3.0  ${join(home, 'sdk', 'microkit-sdk-2.3.0')} (`);
    expect(stdout).toContain(join(home, 'cache'));
  }
});

it('[Environment] HOME unset: the system is asked', () => {
  const own = process.env['HOME'];
  delete process.env['HOME'];
  try {
    expect(cacheDir({})).toMatch(/^\/.*\/\.cache\/vmbuild$/);
  } finally {
    process.env['HOME'] = own;
  }
});

it('[Environment] HOME unset: a user whom the system does not know is told what to set', (ctx) => {
  // As in a container: only root can become such a user.
  requireOrSkip(
    ctx,
    'root',
    process.getuid?.() === 0,
    'only root can run a program as a user without a home',
  );
  const run = spawnSync(process.execPath, [join(packageRoot, 'dist/vmbuild.cjs'), 'doctor'], {
    uid: 54_321,
    gid: 54_321,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    encoding: 'utf8',
  });
  requireOrSkip(ctx, 'root', run.error === undefined, 'another user may not run this node');
  expect(run.stderr).toContain('error[STORE120]: HOME is not set, and this user has no home');
  expect(run.stderr).toContain('try: set HOME, or VMBUILD_CACHE');
  expect(run.status).toBe(1);
});
