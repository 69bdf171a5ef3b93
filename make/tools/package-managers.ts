// SPDX-License-Identifier: BSD-2-Clause
// The package managers that people have, and what Debian's packages are called there. Names of Fedora 40 and newer, of
// Homebrew's formulae, and of nixpkgs' attributes; only Debian's were tried by vmbuild's own tests.
import { shellWord } from '../shell-word.ts';
import type { Environment } from '../store/cache.ts';
import { onPath } from './on-path.ts';

export type Manager = 'apt' | 'dnf' | 'brew' | 'nix';

export interface InstallLine {
  readonly manager: Manager;
  /** As a person would type it. */
  readonly command: string;
}

/** The one that this machine has; undefined if none is on PATH. */
export function findManager(env: Environment, platform = process.platform): Manager | undefined {
  const order: readonly Manager[] = platform === 'darwin' ? ['brew', 'nix'] : ['apt', 'dnf', 'nix', 'brew'];
  return order.find((manager) => onPath(programs[manager], env) !== undefined);
}

export const programs: Readonly<Record<Manager, string>> = {
  apt: 'apt-get',
  dnf: 'dnf',
  brew: 'brew',
  nix: 'nix',
};

/** One line for each package manager, this machine's first. `packages` are Debian's names. */
export function installLines(
  packages: readonly string[],
  {
    env,
    isRoot,
    platform = process.platform,
  }: { env: Environment; isRoot: boolean; platform?: NodeJS.Platform },
): readonly InstallLine[] {
  if (packages.length === 0) return [];
  const here = findManager(env, platform) ?? (platform === 'darwin' ? 'brew' : 'apt');
  const order: readonly Manager[] = ['apt', 'dnf', 'brew', 'nix'];
  return [here, ...order.filter((manager) => manager !== here)].map((manager) => ({
    manager,
    command: commandFor(manager, packages, isRoot),
  }));
}

/** For a diagnostic: `run: vmbuild setup, or: apt install clang lld`. */
export function installHint(packages: readonly string[], env: Environment): string {
  const [first] = installLines(packages, { env, isRoot: true });
  if (first === undefined || first.manager === 'nix') return `run: ${first?.command ?? 'vmbuild setup'}`;
  const words = packagesFor(first.manager, packages).map(shellWord).join(' ');
  return `run: vmbuild setup, or: ${first.manager} install ${words}`;
}

function commandFor(manager: Manager, packages: readonly string[], isRoot: boolean): string {
  const names = packagesFor(manager, packages);
  const words = names.map(shellWord).join(' ');
  const sudo = isRoot ? '' : 'sudo ';
  if (manager === 'apt')
    return `${sudo}apt-get update && ${sudo}apt-get install -y --no-install-recommends ${words}`;
  if (manager === 'dnf') return `${sudo}dnf install -y ${words}`;
  if (manager === 'nix') return `nix shell ${names.map((name) => `nixpkgs#${name}`).join(' ')}`;
  // Apple's own clang has that name already, so Homebrew keeps its LLVM off the PATH.
  const path = names.includes('llvm') ? ' && export PATH="$(brew --prefix llvm)/bin:$PATH"' : '';
  return `brew install ${words}${path}`;
}

/** Each name once, in the order of Debian's. */
export const packagesFor = (manager: Manager, packages: readonly string[]): string[] => [
  ...new Set(packages.map((name) => (manager === 'apt' ? name : nameFor(manager, name)))),
];

function nameFor(manager: Exclude<Manager, 'apt'>, name: string): string {
  const key = name.replace(/^libclang-rt-\d+-dev$/, 'libclang-rt-dev');
  return others[key]?.[manager] ?? name;
}

/** By Debian's names; a manager that is not named has the same. */
const others: Readonly<Record<string, Partial<Record<Manager, string>>>> = {
  // nixpkgs' plain clang is a wrapper, which adds flags that no freestanding target has.
  clang: { brew: 'llvm', nix: 'llvmPackages.clang-unwrapped' },
  'device-tree-compiler': { dnf: 'dtc', brew: 'dtc', nix: 'dtc' },
  'qemu-system-arm': { dnf: 'qemu-system-aarch64', brew: 'qemu', nix: 'qemu' },
  'xz-utils': { dnf: 'xz', brew: 'xz', nix: 'xz' },
  'ca-certificates': { nix: 'cacert' },
  'libxml2-utils': { dnf: 'libxml2', brew: 'libxml2', nix: 'libxml2' },
  'python3-venv': { dnf: 'python3', brew: 'python', nix: 'python3' },
  'libclang-rt-dev': { dnf: 'compiler-rt', brew: 'llvm', nix: 'llvmPackages.compiler-rt' },
};
