// SPDX-License-Identifier: BSD-2-Clause
// What a guest needs out of the Debian packages: the raw kernel Image, the modules in load order, busybox.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AptPackage } from '../make/tools/apt.ts';
import { type Diagnostic, refuse } from '../meta/diagnostic.ts';
import { type OpenDeb, unpackModule } from './deb.ts';
import { type LockedFile, sha256Of } from './debian-lock.ts';
import { orderModules, readModinfo } from './kernel-module.ts';

export interface Taking {
  readonly debs: ReadonlyMap<string, OpenDeb>;
  readonly release: string;
  readonly made: string;
  readonly signal: AbortSignal;
  readonly onWarning: (diagnostic: Diagnostic) => void;
}

/** What the device needs on any Debian kernel; vsock and the common part come by their dependencies. */
const wantedModules = ['virtio_mmio', 'vmw_vsock_virtio_transport'];
const loopbackModule = 'vsock_loopback';

/** Writes the files to `made` and says what they are. */
export async function takeFiles(taking: Taking): Promise<LockedFile[]> {
  const { release, made, signal, onWarning } = taking;
  const files: LockedFile[] = [];
  const keep = async (role: LockedFile['role'], name: string, bytes: Uint8Array): Promise<void> => {
    await writeFile(join(made, name), bytes);
    files.push({ role, name, sizeBytes: bytes.length, sha256: sha256Of(bytes) });
  };
  const kernelPaths = [`usr/lib/modules/${release}/vmlinuz`, `boot/vmlinuz-${release}`];
  await keep('kernel', 'Image', await readFirst(taking, kernelPaths));

  const load = (name: string): Promise<Buffer | undefined> => readModule(taking, name);
  const { modules, missing } = await orderModules([...wantedModules, loopbackModule], load);
  for (const name of missing) onWarning(missingModule(name, release));
  for (const { name, bytes } of modules) {
    const built = readModinfo(bytes, name).release;
    if (built !== release)
      refuse('DEB108', `module '${name}' is built for kernel ${built}, its package for ${release}`, {
        hint: 'pin another version',
      });
    signal.throwIfAborted();
    await keep(name === loopbackModule ? 'loopback-module' : 'module', `${name}.ko`, bytes);
  }
  await keep('busybox', 'busybox', await readFirst(taking, ['usr/bin/busybox', 'bin/busybox']));
  return files;
}

const missingModule = (name: string, release: string): Diagnostic => ({
  code: 'DEB109',
  severity: 'warning',
  message: `kernel ${release} has no module '${name}'; it is taken to be built in`,
});

async function readFirst({ debs }: Taking, paths: readonly string[]): Promise<Buffer> {
  for (const deb of debs.values())
    for (const path of paths)
      for (const member of [`./${path}`, path]) if (deb.members.includes(member)) return deb.read(member);
  return refuse('DEB113', `none of ${[...debs.keys()].join(', ')} holds ${paths.join(' or ')}`, {
    hint: 'pin another version with --guest debian=VERSION',
  });
}

async function readModule({ debs, release, signal }: Taking, name: string): Promise<Buffer | undefined> {
  const pattern = new RegExp(
    `/modules/${escapeRegExp(release)}/kernel/.*/${name.replaceAll('_', '[-_]')}\\.ko(\\.\\w+)?$`,
  );
  for (const deb of debs.values()) {
    const member = deb.members.find((one) => pattern.test(one));
    if (member !== undefined) return unpackModule(member, await deb.read(member), signal);
  }
  return undefined;
}

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** apt has compared it already; this is the hash that the lock will name. */
export async function checkDeb(
  deb: string,
  { name, sha256 }: Pick<AptPackage, 'name' | 'sha256'>,
): Promise<void> {
  const got = sha256Of(await readFile(deb));
  if (got !== sha256)
    refuse('DEB107', `'${name}' has SHA-256 ${got}, the signed package list says ${sha256}`, {
      hint: 'fetch it again',
    });
}
