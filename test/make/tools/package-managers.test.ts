// SPDX-License-Identifier: BSD-2-Clause
// Lines for the package managers that people have, this machine's first.
import { describe, expect, it } from 'vitest';
import { findManager, installHint, installLines, packagesFor } from '../../../make/tools/package-managers.ts';
import { fakeTool, scratchDir } from '../scratch.ts';
import { runPackages } from './fake-machine.ts';

function pathWith(...names: readonly string[]): { PATH: string } {
  const bin = scratchDir('bin');
  for (const name of names) fakeTool(bin, name, '');
  return { PATH: bin };
}

it.each([
  ['linux', ['apt-get', 'nix', 'brew'], 'apt'],
  ['linux', ['dnf', 'brew'], 'dnf'],
  ['linux', ['nix', 'brew'], 'nix'],
  ['linux', [], undefined],
  ['darwin', ['brew', 'nix', 'apt-get'], 'brew'],
  ['darwin', ['nix'], 'nix'],
] as const)('on %s with %j it is %s', (platform, names, expected) => {
  expect(findManager(pathWith(...names), platform)).toBe(expected);
});

describe('the lines', () => {
  it('are four, this machine\u2019s first', () => {
    const lines = installLines(runPackages, { env: pathWith('dnf'), isRoot: false, platform: 'linux' });
    expect(lines).toEqual([
      {
        manager: 'dnf',
        command: 'sudo dnf install -y clang lld llvm dtc qemu-system-aarch64 xz git ca-certificates',
      },
      {
        manager: 'apt',
        command:
          'sudo apt-get update && sudo apt-get install -y --no-install-recommends clang lld llvm device-tree-compiler qemu-system-arm xz-utils git ca-certificates',
      },
      {
        manager: 'brew',
        command:
          'brew install llvm lld dtc qemu xz git ca-certificates && export PATH="$(brew --prefix llvm)/bin:$PATH"',
      },
      {
        manager: 'nix',
        command:
          'nix shell nixpkgs#llvmPackages.clang-unwrapped nixpkgs#lld nixpkgs#llvm nixpkgs#dtc nixpkgs#qemu nixpkgs#xz nixpkgs#git nixpkgs#cacert',
      },
    ]);
  });

  it('name only what is missing, and nothing if nothing is', () => {
    const env = pathWith();
    expect(installLines(['git'], { env, isRoot: true, platform: 'darwin' })[0]).toEqual({
      manager: 'brew',
      command: 'brew install git',
    });
    expect(installLines([], { env, isRoot: true })).toEqual([]);
  });

  it('know the packages of the tests too', () => {
    expect(packagesFor('dnf', ['libclang-rt-19-dev', 'libxml2-utils'])).toEqual(['compiler-rt', 'libxml2']);
    expect(packagesFor('apt', ['libclang-rt-19-dev'])).toEqual(['libclang-rt-19-dev']);
  });
});

it('a diagnostic has the line of this machine', () => {
  expect(installHint(['qemu-system-arm'], pathWith('dnf'))).toBe(
    'run: vmbuild setup, or: dnf install qemu-system-aarch64',
  );
  expect(installHint(['lld'], pathWith('nix'))).toBe('run: nix shell nixpkgs#lld');
});
