// SPDX-License-Identifier: BSD-2-Clause
// Where CBMC is: on PATH, or in the store. Debian packages it from 13 on; its package, and the libraries that it is linked
// with, are unpacked side by side and started by their own loader, so that they run on an older Debian too and change
// nothing of the host.

import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { findDebianMirror } from '../../../linux/apt-sources.ts';
import { cacheDir } from '../../../make/store/cache.ts';
import { openApt } from '../../../make/tools/apt.ts';
import { Refusal } from '../../../meta/diagnostic.ts';

/** What starts CBMC, or why there is none. */
export type FoundCbmc = { readonly words: readonly string[] } | { readonly reason: string };

const suite = 'trixie';
const packages = ['cbmc', 'libc6', 'libgcc-s1', 'libstdc++6', 'minisat', 'zlib1g'];
const machines: Readonly<Record<string, { architecture: string; libraries: string; loader: string }>> = {
  x64: { architecture: 'amd64', libraries: 'x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { architecture: 'arm64', libraries: 'aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
};
const timeoutMs = 300_000;

export async function findCbmc(): Promise<FoundCbmc> {
  const { stdout } = await execa('cbmc', ['--version'], { reject: false });
  if (Number.parseInt(stdout, 10) >= 6) return { words: ['cbmc'] };
  const machine = machines[process.arch];
  if (machine === undefined)
    return { reason: `no cbmc on PATH, and none that is fetched for ${process.arch}` };
  const root = join(cacheDir(process.env), 'cbmc', suite);
  const lib = join(root, 'usr', 'lib');
  const words = [
    join(lib, machine.libraries, machine.loader),
    '--library-path',
    `${join(lib, machine.libraries)}:${lib}`,
    join(root, 'usr', 'bin', 'cbmc'),
  ];
  if (await runs(words)) return { words };
  if (process.env['VMBUILD_SETUP'] === 'no')
    return { reason: `no cbmc on PATH or in '${root}', and VMBUILD_SETUP=no forbids to fetch it` };
  try {
    await fetchInto(root, machine.architecture);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { reason: `cbmc cannot be fetched: ${error.message}` };
  }
  return (await runs(words)) ? { words } : { reason: `the cbmc in '${root}' does not run` };
}

async function runs(words: readonly string[]): Promise<boolean> {
  const [loader = '', ...rest] = words;
  const there = await access(loader).then(
    () => true,
    () => false,
  );
  return there && !(await execa(loader, [...rest, '--version'], { reject: false })).failed;
}

/** apt verifies what it downloads; the folder appears when all of it is there. */
async function fetchInto(root: string, architecture: string): Promise<void> {
  const sources = [{ ...(await findDebianMirror()), suite, component: 'main' }];
  await mkdir(join(root, '..'), { recursive: true });
  const work = await mkdtemp(join(root, '..', '.fetch-'));
  try {
    const directory = join(work, 'apt');
    await mkdir(directory);
    const apt = await openApt({ directory, architecture, sources, signal: AbortSignal.timeout(timeoutMs) });
    await apt.update();
    for (const name of packages) {
      const [newest] = await apt.show(name);
      if (newest === undefined) throw new Error(`${suite} has no package ${name} for ${architecture}`);
      await execa('dpkg-deb', ['--extract', await apt.download(newest), join(work, 'root')]);
    }
    await rm(root, { recursive: true, force: true });
    await rename(join(work, 'root'), root);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
