// SPDX-License-Identifier: BSD-2-Clause
// The build of the real image: what runs again and what does not, the same bytes everywhere, odd paths, interruptions.
import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { renderCpio } from '../../linux/cpio.ts';
import { cacheDir } from '../../make/store/cache.ts';
import { findSdk } from '../../make/store/sdk.ts';
import { searchTools } from '../../make/tools/find.ts';
import { findSources } from '../../make/store/sources.ts';
import { copyPackage, needStack, processesIn, scratch, vmbuild } from './program.ts';

const minutes = 60_000;
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** What `--json` says of a build. */
interface Summary {
  readonly ran: readonly string[];
  readonly fresh: number;
}
async function build(buildDir: string, root: string, ...more: string[]): Promise<Summary> {
  const run = await vmbuild(['--json', '--build-dir', buildDir, ...more], { root });
  expect(run.stderr).not.toContain('error');
  expect(run.code).toBe(0);
  return JSON.parse(run.stdout) as Summary;
}

it('a second build starts no tool; a changed client_vmm.c makes five things again', {
  timeout: 5 * minutes,
}, async (ctx) => {
  await needStack(ctx);
  const root = copyPackage();
  const buildDir = scratch();
  const first = await build(buildDir, root);
  expect(first.fresh).toBe(0);

  const second = await build(buildDir, root);
  expect(second.ran).toEqual([]);
  expect(second.fresh).toBe(first.ran.length);

  const source = join(root, 'vmm/client_vmm.c');
  utimesSync(source, new Date(), new Date());
  expect((await build(buildDir, root)).ran).toEqual([]);

  appendFileSync(source, '\nextern int of_no_use;\nint of_no_use = 1;\n');
  const changed = await build(buildDir, root);
  expect(changed.ran.toSorted()).toEqual([
    'cc obj/vmm/client_vmm.o',
    'judge',
    'link client_vmm0.elf',
    'link client_vmm1.elf',
    'microkit loader.img',
  ]);
});

it('a second build starts no tool, not even to ask for its version', {
  timeout: 5 * minutes,
}, async (ctx) => {
  await needStack(ctx);
  const directory = scratch();
  const log = join(directory, 'started');
  const { found } = await searchTools(['clang', 'lld', 'llvm-ar', 'llvm-objcopy', 'dtc'], process.env);
  for (const { name, path } of found.values())
    writeScript(join(directory, 'bin', name === 'lld' ? 'ld.lld' : name), log, path);
  const sdk = findSdk({ env: process.env });
  for (const part of ['VERSION', 'board']) link(join(sdk.path, part), join(directory, 'sdk', part));
  writeScript(join(directory, 'sdk/bin/microkit'), log, sdk.tool);
  const env = { PATH: join(directory, 'bin'), VMBUILD_CACHE: undefined };
  const args = ['--sdk', join(directory, 'sdk'), '--build-dir', join(directory, 'build')];

  const first = await vmbuild(args, { env });
  expect(first.code).toBe(0);
  expect(readFileSync(log, 'utf8').split('\n').length).toBeGreaterThan(90);
  writeFileSync(log, '');
  const second = await vmbuild(args, { env });
  expect(second.code).toBe(0);
  expect(readFileSync(log, 'utf8')).toBe('');
});

/** A stand-in that notes that it was started and then is the real one. */
function writeScript(path: string, log: string, tool: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho "$0" >>'${log}'\nexec '${tool}' "$@"\n`, { mode: 0o755 });
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

it('[Time, reproducibility] another directory: is the same image, from other paths, with quotes and blanks in them', {
  timeout: 8 * minutes,
}, async (ctx) => {
  await needStack(ctx);
  const plain = scratch();
  await build(plain, copyPackage());

  const odd = join(scratch(), `o'dd "dir" $(x) ü & co`);
  mkdirSync(odd);
  const root = join(odd, 'vmbuild');
  cpSync(copyPackage(), root, { recursive: true });
  const { libvmm, sddf } = findSources({ env: process.env });
  const links = { sdk: findSdk({ env: process.env }).path, libvmm: libvmm.path, sddf: sddf.path };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(odd, name));
  const flags = Object.keys(links).flatMap((name) => [`--${name}`, join(odd, name)]);
  const buildDir = join(odd, 'build');
  await build(buildDir, root, ...flags);

  for (const name of ['loader.img', 'vsock.system', 'guest/client_linux0.dtb', 'guest/initrd.cpio.gz'])
    expect(sha256(join(buildDir, name)), name).toBe(sha256(join(plain, name)));
  expect(readFileSync(join(plain, 'loader.img')).includes(plain)).toBe(false);
});

it('[Signals] Ctrl-C in download, unpack, compile, QEMU run: in the middle of a build leaves no process and nothing half-written, and the next build goes on', {
  timeout: 8 * minutes,
}, async (ctx) => {
  await needStack(ctx);
  const root = copyPackage();
  const buildDir = scratch();
  let isSent = false;
  const interrupted = await vmbuild(['-v', '--build-dir', buildDir], {
    root,
    onStderr: (text, child) => {
      if (isSent || !text.includes('run cc obj/libvmm/src/arch/aarch64/vgic/vgic.o')) return;
      isSent = true;
      child.kill('SIGINT');
    },
  });
  expect(isSent).toBe(true);
  expect(interrupted.signal).toBe('SIGINT');
  expect(interrupted.stderr).not.toMatch(/\bat .*\.[jt]s:\d+/);
  expect(processesIn(buildDir)).toEqual([]);
  expect(existsSync(join(buildDir, 'loader.img'))).toBe(false);
  expect(listFiles(buildDir).filter((name) => name.includes('.vmbuild-'))).toEqual([]);

  const next = await build(buildDir, root);
  expect(next.fresh).toBeGreaterThan(0);
  expect(next.ran).toContain('microkit loader.img');
});

const listFiles = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' });

it('[Initramfs] larger than the gap in RAM: refused with the numbers, before anything is linked', {
  timeout: 5 * minutes,
}, async (ctx) => {
  await needStack(ctx);
  const directory = scratch();
  // 16 MiB that gzip cannot make smaller: 1 MiB more than the window.
  const initrd = join(directory, 'initrd.cpio.gz');
  const bytes = randomBytes(16 * 2 ** 20);
  writeFileSync(initrd, gzipSync(renderCpio([{ kind: 'file', path: 'init', mode: 0o755, bytes }])));
  const buildDir = join(directory, 'build');
  const run = await vmbuild(['--build-dir', buildDir, '--initrd', initrd]);
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/error\[[A-Z]+\d+\]: .*initrd.*0x47000000\.\.0x47f00000/);
  expect(existsSync(join(buildDir, 'client_vmm0.elf'))).toBe(false);
  expect(existsSync(join(buildDir, 'loader.img'))).toBe(false);
});

it('the store is where the environment says', () => {
  expect(cacheDir({ VMBUILD_CACHE: '/a', XDG_CACHE_HOME: '/b', HOME: '/c' })).toBe('/a');
  expect(cacheDir({ XDG_CACHE_HOME: '/b', HOME: '/c' })).toBe('/b/vmbuild');
});
