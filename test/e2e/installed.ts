// SPDX-License-Identifier: BSD-2-Clause
// vmbuild as a user installs it: packed by npm, in a project of the user's own.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type TestContext } from 'vitest';
import { requireOrSkip } from '../require.ts';
import { packageRoot, scratch } from './program.ts';

/** The environment of a user's shell: none of what npm tells the test run. */
export const shell = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|MICROKIT_|INIT_CWD)/i.test(name)),
  );

/** A user's folder in which the packed vmbuild is installed. Its dependencies come from npm's cache or registry. */
export function install(ctx: TestContext, name = 'my project'): string {
  const directory = scratch('vmbuild packed ');
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', directory], {
    cwd: packageRoot,
    stdio: 'pipe',
  });
  const [archive = ''] = readdirSync(directory).filter((file) => file.endsWith('.tgz'));
  const user = join(directory, name);
  mkdirSync(user);
  writeFileSync(join(user, 'package.json'), '{"private": true}');
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', join(directory, archive)];
  const npm = spawnSync('npm', args, { cwd: user, env: shell(), encoding: 'utf8', timeout: 120_000 });
  const isReachable =
    !/ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT/.test(npm.stderr) && npm.status !== null;
  requireOrSkip(
    ctx,
    'network',
    isReachable,
    'npm has the dependencies neither in its cache nor from a registry',
  );
  expect(npm.status, npm.stderr).toBe(0);
  return user;
}
