// SPDX-License-Identifier: BSD-2-Clause
// What `npm pack` packs is all that vmbuild needs: installed into a folder of its own, `npx vmbuild` works the same.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, type TestContext } from 'vitest';
import { boardNames } from '../../boards/index.ts';
import { cacheDir, sdkDir } from '../../make/store/cache.ts';
import { stack } from '../../make/stack.ts';
import { requireOrSkip } from '../require.ts';
import { needStack, needTools, packageRoot, scratch } from './program.ts';

/** The environment of a user's shell: none of what npm tells the test run. */
const shell = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|MICROKIT_|INIT_CWD)/i.test(name)),
  );

/** A user's folder in which the packed vmbuild is installed. Its dependencies come from npm's cache or registry. */
function install(ctx: TestContext): string {
  const directory = scratch('vmbuild packed ');
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', directory], {
    cwd: packageRoot,
    stdio: 'pipe',
  });
  const [archive = ''] = readdirSync(directory).filter((name) => name.endsWith('.tgz'));
  const user = join(directory, 'my project');
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

function npx(
  cwd: string,
  ...args: readonly string[]
): { code: number | null; stdout: string; stderr: string } {
  const run = spawnSync('npx', ['vmbuild', ...args], {
    cwd,
    env: shell(),
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return { code: run.status, stdout: run.stdout, stderr: run.stderr };
}

it('npx vmbuild, installed from the packed archive, says its version and generates', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const user = install(ctx);
  expect(npx(user, '--version')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
  const run = npx(user, 'generate', '--output', 'out');
  expect(run.stderr).not.toContain('error');
  expect(run.code).toBe(0);
  expect(existsSync(join(user, 'out', 'vsock.system'))).toBe(true);
});

it('npx vmbuild --board BOARD --sdk SDK plans and builds from the packed files', {
  timeout: 400_000,
}, async (ctx) => {
  await needStack(ctx);
  const user = install(ctx);
  const sdk = process.env['MICROKIT_SDK'] ?? sdkDir(cacheDir(process.env), stack.microkit);
  for (const board of ['qemu_virt_aarch64', 'maaxboard'].filter((name) => boardNames().includes(name))) {
    const plan = npx(user, '--board', board, '--sdk', sdk, '--dry-run');
    expect(plan.stderr).not.toContain('error');
    expect(plan.stdout).toContain(`--board ${board} --config debug -o loader.img`);
    expect(readdirSync(user)).not.toContain('build');

    const run = npx(user, '--board', board, '--sdk', sdk);
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toBe(`${join(user, 'build', 'loader.img')}\n`);
    expect(npx(user, 'clean').code).toBe(0);
    expect(readdirSync(user)).not.toContain('build');
  }
});
