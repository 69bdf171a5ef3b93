// SPDX-License-Identifier: BSD-2-Clause
// What `npm pack` packs is all that vmbuild needs: installed into a folder of its own, `npx vmbuild` works the same.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { boardNames } from '../../boards/index.ts';
import { cacheDir, sdkDir } from '../../make/store/cache.ts';
import { stack } from '../../make/stack.ts';
import { install, shell } from './installed.ts';
import { needStack, needTools, packageRoot } from './program.ts';

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

it('vmbuild/meta has types for editors, however they resolve modules, and is the copy that the program uses', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const user = install(ctx);
  writeFileSync(
    join(user, 'my.mts'),
    `import { defineSystem, fields, SystemBuilder, struct } from 'vmbuild/meta';
const type = struct({ cName: 'struct s', fields: { n: fields.u32 } });
export default defineSystem(({ sdf, addConfig, addTimer }) => {
  if (!(sdf instanceof SystemBuilder)) throw new Error('two copies');
  const pd = sdf.addPd({ name: 'a', priority: 1, program: { sources: ['a.c'] } });
  addTimer({ clients: [pd] });
  addConfig(pd, type, { n: 1 });
  // @ts-expect-error -- a text is no number
  if (sdf.arch === 'riscv64') addConfig(pd, type, { n: 'one' });
});
`,
  );
  const tsc = join(packageRoot, 'node_modules/typescript/bin/tsc');
  for (const [module, resolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const) {
    const words = `--noEmit --strict --target es2022 --module ${module} --moduleResolution ${resolution}`;
    const run = spawnSync(process.execPath, [tsc, ...words.split(' '), 'my.mts'], {
      cwd: user,
      encoding: 'utf8',
    });
    expect(run.stdout).toBe('');
    expect(run.status).toBe(0);
  }
  const run = npx(user, 'generate', '--system', 'my.mts', '--output', 'out');
  expect(run.code, run.stderr).toBe(0);
  // A package of somebody's that uses the library finds the same copy.
  const own = join(user, 'node_modules', 'subsystem');
  mkdirSync(own);
  writeFileSync(join(own, 'index.mjs'), `export { SystemBuilder } from 'vmbuild/meta';`);
  writeFileSync(join(own, 'package.json'), '{"exports": "./index.mjs"}');
  writeFileSync(
    join(user, 'same.ts'),
    `import { defineSystem } from 'vmbuild/meta'; import { SystemBuilder } from 'subsystem';
export default defineSystem(({ sdf }) => {
  if (!(sdf instanceof SystemBuilder)) throw new Error('two copies');
  sdf.addPd({ name: 'a', priority: 1 });
});`,
  );
  const same = npx(user, 'generate', '--system', 'same.ts', '--output', 'out');
  expect(same.code, same.stderr).toBe(0);
});
