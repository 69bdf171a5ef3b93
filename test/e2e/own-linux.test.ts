// SPDX-License-Identifier: BSD-2-Clause
// Linux guests in systems of the user's own: flags, images that the description names, a VMM of the user's own, and what
// is wrong said at the line. The whole of it boots in examples/linux (examples.test.ts).
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fetchDebianGuest } from '../../linux/debian.ts';
import { cacheDir } from '../../make/store/cache.ts';
import { board, needQemu, needSdk, needStack, needTools, packageRoot, scratch, vmbuild } from './program.ts';

const minutes = 60_000;

const describing = (lines: string): string => `import { defineSystem } from 'vmbuild/meta';
export default defineSystem(({ sdf, addLinux, addVsock, addSerial, addTimer }) => {
${lines}
});
`;

/** `guests` are the options of each. */
const wired = (...guests: readonly string[]): string =>
  describing(`  const guests = [
${guests.map((options) => `    addLinux({ ${options} }),\n`).join('')}  ];
  const clients = guests.map(({ vmm }) => vmm);
  addSerial({ clients, receive: true });
  addTimer({ clients });`);

function project(text: string): string {
  const directory = scratch('vmbuild linux ');
  writeFileSync(join(directory, 'my.ts'), text);
  return directory;
}

const plain = "  sdf.addPd({ name: 'hello', priority: 1, program: { sources: ['my.ts'] } });";

it('no guest images are needed to check, generate and draw', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const cwd = project(wired("name: 'a', linux: 'Image', initrd: 'rootfs.cpio.gz'"));
  const options = { cwd, env: { XDG_CACHE_HOME: join(cwd, 'empty'), VMBUILD_CACHE: join(cwd, 'empty') } };
  const check = await vmbuild(['check', '--system', 'my.ts'], options);
  expect(check).toMatchObject({ code: 0, stderr: '' });
  const generate = await vmbuild(['generate', '--system', 'my.ts', '--output', 'out', '--data'], options);
  expect(generate.code, generate.stderr).toBe(0);
  expect(readFileSync(join(cwd, 'out/config/a_vmm.config.h'), 'utf8')).toContain(
    'vmm_config_t vmm_config = {',
  );
  expect(readFileSync(join(cwd, 'out/config/a_vmm.system.h'), 'utf8')).toContain('#define VCPU_A 0');
  const graph = await vmbuild(['graph', '--system', 'my.ts', '--format', 'dot'], options);
  expect(graph.code, graph.stderr).toBe(0);
  expect(graph.stdout).toContain('guest_ram_a');
});

it('ARG141: flags about Linux guests beside a description that has none', async (ctx) => {
  await needSdk(ctx);
  const cwd = project(describing(plain));
  for (const flags of [['--guest=debian'], ['--linux=Image', '--append=quiet']]) {
    const run = await vmbuild(['build', '--system', 'my.ts', ...flags], { cwd });
    const names = flags.map((flag) => flag.split('=')[0]).join(', ');
    expect(run.stderr).toContain(`error[ARG141]: ${names} is about Linux guests, and 'my.ts' describes none`);
    expect(run.code).toBe(2);
  }
});

it.for([
  ['ARG142', 'no transfers', wired("name: 'a'", "name: 'b'")],
  ['ARG142', 'no guests', describing(plain)],
  [
    'RUN104',
    'more clients than colours',
    wired(...Array.from({ length: 7 }, (_, i) => `name: 'g${i}'`)).replace(
      '  const clients',
      '  addVsock({ guests, transfers: [{ from: guests[0], to: guests[1] }] });\n  const clients',
    ),
  ],
] as const)('%s: --expect alone and %s', async ([code, , text], ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const run = await vmbuild(['qemu', '--system', 'my.ts', '--expect'], { cwd: project(text) });
  expect(run.stderr).toContain(`error[${code}]`);
  expect(run.code).toBe(2);
});

it('what is wrong with guests is said at the line, before anything is built', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const cwd = project(
    wired("name: 'a', cid: 7", "name: 'b', cid: 7").replace('receive: true', 'receive: false'),
  );
  const run = await vmbuild(['check', '--system', 'my.ts'], { cwd });
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/error\[VSK102\].*\n {2}at my\.ts:5:5\n/);
  expect(run.stderr).toMatch(/error\[VMM105\]: guest 'a'.*\n {2}at my\.ts:4:5\n/);
  expect(run.stderr).toMatch(/error\[VMM105\]: guest 'b'.*\n {2}at my\.ts:5:5\n/);
});

it('files of guests that are not there, and guests for whom there is no room', {
  timeout: 2 * minutes,
}, async (ctx) => {
  await needStack(ctx);
  const lost = project(wired("name: 'a', linux: 'Image', initrd: 'no.cpio'"));
  const first = await vmbuild(['build', '--system', 'my.ts'], { cwd: lost });
  expect(first.stderr).toMatch(/error\[USR201\]: source 'Image' of 'a_vmm'.*\n {2}at my\.ts:4:5\n/);
  expect(first.stderr).toMatch(/error\[USR201\]: source 'no\.cpio' of 'a_vmm'.*\n {2}at my\.ts:4:5\n/);

  const odd = project(wired("name: 'a', linux: 'my.ts', initrd: 'my.ts'", "name: 'b', initrd: './my.ts'"));
  const second = await vmbuild(['build', '--system', 'my.ts'], { cwd: odd });
  expect(second.stderr).toMatch(/error\[KERN110\]: kernel '.*my\.ts' .*\n {2}at my\.ts:4:5\n/);
  expect(second.stderr).toMatch(/error\[INIT102\]: initrd '.*my\.ts' .*\n {2}at my\.ts:4:5\n/);
  expect(second.stderr).toMatch(/error\[INIT102\]: initrd '.*my\.ts' .*\n {2}at my\.ts:5:5\n/);

  const names = Array.from({ length: 12 }, (_, i) => `name: 'g${i}'`);
  const many = await vmbuild(['build', '--system', 'my.ts'], { cwd: project(wired(...names)) });
  expect(many.stderr).toMatch(
    /error\[MEM102\]: the system, with 12 Linux guests, is too large for 'qemu_virt_aarch64': .*\n {2}at my\.ts:15:5\n/,
  );
  expect(many.code).toBe(1);
});

it('each guest has the kernel, initrd and words that are named for it, else those of the flags', {
  timeout: 5 * minutes,
}, async (ctx) => {
  await needStack(ctx);
  const text = wired(
    "name: 'a', linux: 'own/Image', append: 'quiet one'",
    "name: 'b', append: 'two'",
    "name: 'c', program: { sources: ['own_vmm.c'] }",
  );
  // A VMM of one's own that is connected gets its config, too.
  const cwd = project(text.replace('  const clients', '  addVsock({ guests });\n  const clients'));
  copyFileSync(join(packageRoot, 'test/e2e/own_vmm.c'), join(cwd, 'own_vmm.c'));
  const { kernel } = await fetchDebianGuest({
    cacheDir: cacheDir(process.env),
    offline: true,
    signal: ctx.signal,
  });
  mkdirSync(join(cwd, 'own'));
  copyFileSync(kernel.path, join(cwd, 'own/Image'));
  const run = await vmbuild(['build', '--system', 'my.ts', '--append', 'for=all', '-d', 'built', '-v'], {
    cwd,
  });
  expect(run.code, run.stderr).toBe(0);
  const words = (file: string) =>
    /bootargs = "(.*)"/.exec(readFileSync(join(cwd, 'built', file), 'utf8'))?.[1];
  expect(words('guest/a.dts')).toMatch(/ vsock_after=shell quiet one for=all$/);
  expect(words('guests-2/guest/b.dts')).toMatch(/ vsock_after=shell two for=all$/);
  expect(words('guests-2/guest/c.dts')).toMatch(/ vsock_after=shell for=all$/);
  expect(run.stderr).toContain(join(cwd, 'own/Image'));
  expect(readFileSync(join(cwd, 'built/config/c_vmm.config.h'), 'utf8')).toContain(
    'struct vsock_config vsock_config =',
  );
  for (const fit of ['guest/a.fit', 'guests-2/guest/b.fit'])
    expect(existsSync(join(cwd, 'built', fit)), fit).toBe(true);
});

it('an own VMM is compiled, linked with libvmm and the files of its guest, and boots Linux', {
  timeout: 8 * minutes,
}, async (ctx) => {
  await needQemu(ctx);
  const cwd = project(wired("name: 'a', program: { sources: ['own_vmm.c'], flags: ['-Werror'] }"));
  copyFileSync(join(packageRoot, 'test/e2e/own_vmm.c'), join(cwd, 'own_vmm.c'));
  const run = await vmbuild(
    [
      'qemu',
      '--system',
      'my.ts',
      '-d',
      'built',
      '--board',
      board,
      '--expect',
      'no program to run',
      '--timeout',
      '300',
    ],
    { cwd },
  );
  expect(run.code, run.stderr).toBe(0);
  expect(run.stderr).toContain('a_vmm|INFO: a VMM of my own');
  expect(readFileSync(join(cwd, 'built/guest/a.dts'), 'utf8')).not.toContain('virtio-socket');
  // Nothing that it did not ask for.
  expect(existsSync(join(cwd, 'built/heartbeat.elf'))).toBe(false);
});
