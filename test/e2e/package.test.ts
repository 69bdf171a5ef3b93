// SPDX-License-Identifier: BSD-2-Clause
// What `npm pack` packs is all that vmbuild needs: unpacked elsewhere, it works the same.
import { execFileSync } from 'node:child_process';
import { readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { needStack, needTools, packageRoot, scratch, vmbuild } from './program.ts';

function install(): string {
  const directory = scratch();
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', directory], {
    cwd: packageRoot,
    stdio: 'pipe',
  });
  const [archive = ''] = readdirSync(directory).filter((name) => name.endsWith('.tgz'));
  execFileSync('tar', ['-xzf', archive], { cwd: directory });
  symlinkSync(join(packageRoot, 'node_modules'), join(directory, 'package', 'node_modules'));
  return join(directory, 'package');
}

it('generates from the packed files', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const root = install();
  const run = await vmbuild(['generate', '--output', join(root, 'out')], { root, cwd: root });
  expect(run.stderr).not.toContain('error');
  expect(run.code).toBe(0);
});

it('builds an image from the packed files', { timeout: 300_000 }, async (ctx) => {
  await needStack(ctx);
  const root = install();
  const run = await vmbuild(['--build-dir', join(root, 'out')], { root, cwd: root });
  expect(run.stdout).toBe(`${join(root, 'out', 'loader.img')}\n`);
  expect(run.code).toBe(0);
});
