// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild artifacts`: what is planned for all boards, on an SDK that is only files; and the real archives.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { boardNames } from '../../boards/index.ts';
import { findSdk } from '../../make/store/sdk.ts';
import { makeImage } from '../linux/kernels.ts';
import { fakeLibvmm, fakeSddf, fakeSdk } from '../make/store/fake-sdk.ts';
import { board, copyPackage, needStack, needTools, scratch, vmbuild } from './program.ts';
import { expectRefusal } from './refusal.ts';

const minutes = 60_000;

/** Flags that name a stack of empty files and a kernel; enough to plan with. */
function fakeStack(directory: string): string[] {
  const kernel = join(directory, 'Image');
  writeFileSync(kernel, makeImage());
  const parts = {
    sdk: fakeSdk(join(directory, 'sdk'), { boards: boardNames() }),
    libvmm: fakeLibvmm(join(directory, 'libvmm')),
    sddf: fakeSddf(join(directory, 'sddf')),
    linux: kernel,
  };
  return Object.entries(parts).flatMap(([name, path]) => [`--${name}`, path]);
}

/** The compilations of a dry run, as what they read and how, wherever their output goes. */
function compilations(dryRun: string): string[] {
  const lines = dryRun.split('\n').filter((line) => /\bclang\S* .*-o /.test(line));
  return lines.map((line) => {
    const [, directory = '', command = ''] = /^\(cd (\S+) && (.*)\)$/.exec(line) ?? [];
    const words = command.replace(/ -(o|MF) \S+/g, '').split(' ');
    return words
      .map((word) =>
        word.replace(/^[\w.][\w./-]*\.[chS]$|(?<=")guest[^"]+/, (path) => resolve('/', directory, path)),
      )
      .join(' ');
  });
}

it('no file is compiled twice for the same target and flags', async (ctx) => {
  await needTools(ctx, 'clang', ['clang', 'lld', 'llvm-ar', 'llvm-objcopy', 'dtc']);
  const directory = scratch();
  const args = ['artifacts', '--board', 'all', '--config', 'debug,release', '--dry-run'];
  const run = await vmbuild([...args, ...fakeStack(directory), '--build-dir', join(directory, 'build')]);
  expect(run.code, run.stderr).toBe(0);
  const compiled = compilations(run.stdout);
  const images = boardNames().length * 2;
  expect(compiled.length).toBeGreaterThan(images * 40);
  expect(compiled.filter((command, i) => compiled.indexOf(command) !== i)).toEqual([]);
  expect(compiled.filter((command) => command.includes('vsock_send.c'))).toHaveLength(1);
  expect(run.stdout.match(/ -o loader\.img /g)).toHaveLength(images);
  expect(existsSync(join(directory, 'build'))).toBe(false);
});

it('boards and configurations that do not exist are refused at once', async () => {
  const directory = scratch();
  const run = await vmbuild(['artifacts', '--board', 'maxboard,qemu,all5', '--build-dir', directory]);
  expectRefusal(run, 2, /'maxboard'/, /'qemu'/, /'all5'/);
  for (const [list, what] of [
    ['debug,', /ARG150.* names nothing between two commas/],
    ['debug,release,debug', /ARG150.* names 'debug' twice/],
  ] as const)
    expectRefusal(await vmbuild(['artifacts', '--config', list, '--build-dir', directory]), 2, what);
  const flags = fakeStack(directory);
  const wrong = await vmbuild(['artifacts', '-n', '--config', 'bench,fast', ...flags]);
  expectRefusal(wrong, 1, /SDK107.*'bench'/, /SDK107.*'fast'/);
});

it('archives of debug and release are the same from other directories, and say what they are', {
  timeout: 15 * minutes,
}, async (ctx) => {
  await needStack(ctx);
  await needStack(ctx, 'release');
  const [one, odd] = [scratch(), join(scratch(), 'an other')];
  mkdirSync(odd);
  const summary = join(one, 'summary.md');
  const args = ['artifacts', '--json', '--guest', 'debian', '--config', 'debug,release', '--board', board];
  const first = await vmbuild([...args, '--build-dir', join(one, 'build')], {
    env: { GITHUB_STEP_SUMMARY: summary },
  });
  expect(first.code, first.stderr).toBe(0);
  symlinkSync(findSdk({ env: process.env }).path, join(odd, 'sdk'));
  const second = await vmbuild(
    [...args, '--sdk', join(odd, 'sdk'), '--build-dir', join(odd, 'b'), '--output', join(odd, 'out')],
    { root: copyPackage() },
  );
  expect(second.code, second.stderr).toBe(0);

  const [archive] = (JSON.parse(first.stdout) as { archives: { path: string; sha256: string }[] }).archives;
  const path = archive?.path ?? '';
  expect(path).toBe(join(one, 'build/artifacts', `vsock-${board}.tar.gz`));
  expect(sha256(path)).toBe(archive?.sha256);
  expect(sha256(join(odd, 'out', basename(path)))).toBe(archive?.sha256);
  expect(readFileSync(summary, 'utf8')).toContain(`| ${board} | release |`);

  execFileSync('tar', ['xzf', path], { cwd: one });
  const top = join(one, `vsock-${board}`);
  execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: top });
  const sums = readFileSync(join(top, 'SHA256SUMS'), 'utf8').trimEnd().split('\n');
  const files = readdirSync(top, { recursive: true, encoding: 'utf8', withFileTypes: true });
  expect(sums).toHaveLength(files.filter((entry) => entry.isFile()).length - 1);

  const text = readFileSync(join(top, 'release/build.json'), 'utf8');
  for (const place of [one, process.env['HOME'] ?? one]) expect(text).not.toContain(`"${place}/`);
  const manifest = JSON.parse(text) as {
    inputs: Record<string, string>;
    files: { name: string; sha256: string }[];
    steps: { name: string; argv?: string[] }[];
  };
  expect(manifest.inputs['/vmbuild/vmm/client_vmm.c']).toBe(
    sha256(new URL('../../vmm/client_vmm.c', import.meta.url).pathname),
  );
  expect(manifest.inputs['/sddf/include/sddf/serial/queue.h']).toMatch(/^[0-9a-f]{64}$/);
  expect(manifest.files.find(({ name }) => name === 'loader.img')?.sha256).toBe(
    sha256(join(top, 'release/loader.img')),
  );
  expect(manifest.steps.find(({ name }) => name.endsWith('microkit loader.img'))?.argv).toContain('release');

  const cleaned = await vmbuild(['clean', '--build-dir', join(one, 'build')]);
  expect(cleaned.code).toBe(0);
  expect(existsSync(join(one, 'build'))).toBe(false);
});

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
