// SPDX-License-Identifier: BSD-2-Clause
// The kernel modules in an initrd, as `make modules_install` lays them: /lib/modules/<release>/modules.dep and
// modules.builtin, and the files that they name.
import type { CpioMember } from './cpio-read.ts';
import { type KernelConfig, moduleName, parseModuleLists } from './kernel-config.ts';

export interface InitrdModules {
  /** Releases of the kernels that the modules are for; most often one, or none. */
  readonly releases: readonly string[];
  /** How the kernel of `release` was configured, as far as its modules tell. */
  readonly config?: KernelConfig;
  /** Paths of what `wanted` and all it depends on need loaded, in load order; only what is there as plain .ko files. */
  readonly order: readonly string[];
  /** Those that are there, but packed: the initrd's own init has to load them. */
  readonly packed: readonly string[];
  /** Of both. */
  readonly names: readonly string[];
}

/** A wanted module that is not there at all is in neither list. */
export function findInitrdModules(
  members: readonly CpioMember[],
  release: string | undefined,
  wanted: readonly string[],
): InitrdModules {
  const releases = [...new Set(members.flatMap(({ path }) => modulesPath.exec(path)?.[1] ?? []))];
  const none = { releases, order: [], packed: [], names: [] };
  if (release === undefined || !releases.includes(release)) return none;

  const files = new Map(members.filter(({ isFile }) => isFile).map((member) => [member.path, member]));
  const folder = ['lib/modules', 'usr/lib/modules']
    .map((path) => `${path}/${release}`)
    .find((path) => files.has(`${path}/modules.dep`));
  if (folder === undefined) return none;
  const textOf = (name: string): string => files.get(`${folder}/${name}`)?.bytes.toString('latin1') ?? '';
  const dep = textOf('modules.dep');
  const lines = new Map(
    dep.split('\n').map((line) => {
      const [path = '', needed = ''] = line.split(':');
      return [moduleName(path), [path, ...needed.split(' ').filter(Boolean)]] as const;
    }),
  );
  // depmod lists all that a module needs, what is to be loaded first last.
  const paths = wanted.flatMap((name) => lines.get(name)?.toReversed() ?? []);
  const present = [...new Set(paths)].map((path) => `${folder}/${path}`).filter((path) => files.has(path));
  return {
    releases,
    config: parseModuleLists({ builtin: textOf('modules.builtin'), dep }, 'the module lists in its initrd'),
    order: present.filter((path) => path.endsWith('.ko')),
    packed: present.filter((path) => !path.endsWith('.ko')),
    names: present.map(moduleName),
  };
}

const modulesPath = /^(?:usr\/)?lib\/modules\/([^/]+)\/modules\.(?:dep|builtin)$/;
