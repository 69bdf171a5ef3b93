// SPDX-License-Identifier: BSD-2-Clause
// What the environment may hold or lack: the variable and its value are named, and no locale, time zone or colour setting
// changes a result.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { onTerminal } from '../cli/terminal.ts';
import { type Ended, needTools, packageRoot, scratch, vmbuild } from './program.ts';
import { bare, expectRefusal } from './refusal.ts';

it('[Environment] MICROKIT_SDK unset, wrong or relative: is named with its value; a relative one counts from here', async () => {
  const directory = scratch();
  const run = (sdk: string | undefined): Promise<Ended> =>
    vmbuild(['--offline'], { cwd: directory, env: { ...bare(directory), MICROKIT_SDK: sdk } });
  expectRefusal(await run(undefined), 69, /SDK101.*not given/, /--sdk or MICROKIT_SDK/);
  expectRefusal(
    await run('/nowhere/sdk'),
    69,
    /SDK102.*'\/nowhere\/sdk', given by MICROKIT_SDK, is not there/,
  );
  expectRefusal(await run(''), 2, /--sdk is empty \(from environment MICROKIT_SDK\)/);
  mkdirSync(join(directory, 'sdk/bin'), { recursive: true });
  writeFileSync(join(directory, 'sdk/VERSION'), '2.3.0\n');
  expectRefusal(await run('sdk'), 69, new RegExp(`SDK '${join(directory, 'sdk')}' has no bin/microkit`));
});

it('[Environment] HOME unset: the store is found without it', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const directory = scratch();
  const run = await vmbuild(['generate', '--output', 'out', '-v'], {
    cwd: directory,
    env: { HOME: undefined, XDG_CACHE_HOME: undefined, VMBUILD_CACHE: undefined },
  });
  expect(run.stderr).not.toContain('error');
  expect(run.code).toBe(0);
  // A `~` is what a shell would make of it: the home that the system has for this user.
  const tilde = await vmbuild(['clean', '-d', '~/x', '-v'], { cwd: directory, env: { HOME: undefined } });
  expect(tilde.stderr).toContain(`--build-dir = ${join(userInfo().homedir, 'x')}  (flag)`);
});

/** All that `generate` makes, and what it and a refusal say, under `env`. */
async function underEnvironment(env: Record<string, string>): Promise<unknown> {
  const directory = scratch();
  const run = await vmbuild(['generate', '--output', 'out', '--data'], { cwd: directory, env });
  expect(run.code).toBe(0);
  const out = join(directory, 'out');
  const names = readdirSync(out, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(system|h|data|dtb)$/.test(name))
    .toSorted();
  const refused = await vmbuild(['--bord', 'x'], { cwd: directory, env });
  expect(refused.code).toBe(2);
  return {
    files: names.map((name) => [name, readFileSync(join(out, name), 'hex')]),
    refusal: refused.stderr,
    help: (await vmbuild(['--help'], { env })).stdout,
  };
}

it.each([
  [
    '[Environment] LANG=C: another locale changes neither files nor messages',
    { LANG: 'C' },
    { LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8' },
  ],
  [
    '[Environment] TZ: another time zone changes neither files nor messages',
    { TZ: 'UTC' },
    { TZ: 'Pacific/Kiritimati' },
  ],
])('%s', async (_, one, other) => {
  expect(await underEnvironment(other)).toEqual(await underEnvironment(one));
});

// On a terminal, where there would be colours and a line that is redrawn.
const escape = '\x1b';
const words = [process.execPath, join(packageRoot, 'dist/vmbuild.cjs')];
const plainEnv = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };

it('[Environment] NO_COLOR: no colour even on a terminal', async (ctx) => {
  const bogus = [...words, '--bogus'];
  const coloured = await onTerminal(ctx, bogus, { env: plainEnv });
  expect(coloured.text).toContain(`${escape}[31m`);
  const plain = await onTerminal(ctx, bogus, { env: { ...plainEnv, NO_COLOR: '1' } });
  expect(plain.text).toMatch(/^vmbuild: error\[ARG102\]: unknown argument 'bogus'$/m);
  expect(plain.text).not.toContain(escape);
});

it('[Environment] CI: lines are not redrawn even on a terminal', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const directory = scratch();
  const generate = [...words, 'generate', '--always-make', '--output', join(directory, 'out')];
  const live = await onTerminal(ctx, generate, { env: plainEnv });
  expect(live.text).toContain(`${escape}[2K`);
  const plain = await onTerminal(ctx, generate, { env: { ...plainEnv, CI: 'true' } });
  expect(plain.code).toBe(0);
  expect(plain.text).not.toContain(escape);
});
