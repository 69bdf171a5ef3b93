// SPDX-License-Identifier: BSD-2-Clause
// A root file system of the shape of libvmm's, which buildroot makes: /init hands over to busybox's init, whose inittab
// runs /etc/init.d/rcS, which runs the scripts S??*. Theirs goes with a kernel that has all drivers built in; Debian's
// kernel stands in for that one, so the stand-in carries its modules and loads them in a script of its own, S10modules.
// (Not in /lib/modules, where vmbuild would see to them, unless a test wants just that.)
import { readFile } from 'node:fs/promises';
import { type CpioEntry, renderCpio } from '../../linux/cpio.ts';
import type { DebianGuest } from '../../linux/debian.ts';
import { gzip } from '../../linux/initramfs.ts';

/** `loadedBy`: its own script, or vmbuild, which finds them in /lib/modules. */
export async function standInRootfs(
  { busybox, modules, kernel }: DebianGuest,
  loadedBy: 'script' | 'vmbuild' = 'script',
): Promise<Buffer> {
  const loaded = await Promise.all(
    modules.map(async ({ name, path }) => ({ name: `${name}.ko`, bytes: await readFile(path) })),
  );
  const home = loadedBy === 'script' ? 'usr/share/stand-in' : `lib/modules/${kernel.version}`;
  const names = loaded.map(({ name }) => name);
  const insmods = script(
    'etc/init.d/S10modules',
    names.map((name) => `insmod /${home}/${name}`),
  );
  // As depmod has it: all that a module needs, what comes first last.
  const dep = names.map((name, at) => `${name}: ${names.slice(0, at).toReversed().join(' ')}`);
  return gzip(
    renderCpio([
      script('init', initLines),
      { kind: 'file', path: 'bin/busybox', mode: 0o755, bytes: await readFile(busybox.path) },
      ...applets.map((name): CpioEntry => ({ kind: 'symlink', path: `bin/${name}`, target: 'busybox' })),
      ...['init', 'poweroff', 'insmod'].map(
        (name): CpioEntry => ({ kind: 'symlink', path: `sbin/${name}`, target: '../bin/busybox' }),
      ),
      { kind: 'file', path: 'etc/inittab', mode: 0o644, bytes: text(inittabLines) },
      script('etc/init.d/rcS', rcsLines),
      loadedBy === 'script'
        ? insmods
        : { kind: 'file', path: `${home}/modules.dep`, mode: 0o644, bytes: text(dep) },
      ...loaded.map(
        ({ name, bytes }): CpioEntry => ({
          kind: 'file',
          path: `${home}/${name}`,
          mode: 0o644,
          bytes,
        }),
      ),
      ...['dev', 'proc', 'sys', 'root', 'tmp'].map(
        (path): CpioEntry => ({ kind: 'directory', path, mode: 0o755 }),
      ),
      { kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    ]),
  );
}

const applets = ['sh', 'mount', 'cat', 'tail', 'echo', 'env', 'login'];

const initLines = [
  'mount -t devtmpfs devtmpfs /dev',
  'if (exec 0</dev/console) 2>/dev/null; then exec 0</dev/console 1>/dev/console 2>/dev/console; fi',
  'exec /sbin/init "$@"',
];

const inittabLines = [
  '::sysinit:/bin/mount -t proc proc /proc',
  '::sysinit:/bin/mount -t sysfs sysfs /sys',
  '::sysinit:/etc/init.d/rcS',
  '::ctrlaltdel:/sbin/poweroff',
];

const rcsLines = [
  'echo stand-in: rcS runs',
  'for i in /etc/init.d/S??*; do',
  '  [ ! -f "$i" ] && continue',
  '  "$i" start',
  'done',
];

const text = (lines: readonly string[]): Buffer => Buffer.from(`${lines.join('\n')}\n`);
const script = (path: string, lines: readonly string[]): CpioEntry => ({
  kind: 'file',
  path,
  mode: 0o755,
  bytes: text(['#!/bin/sh', ...lines]),
});
