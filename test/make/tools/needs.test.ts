// SPDX-License-Identifier: BSD-2-Clause
// What a machine lacks and which packages bring it, on a PATH of fake programs.
import { expect, it } from 'vitest';
import { packagesOf, takeInventory } from '../../../make/tools/needs.ts';
import { fakeTool } from '../scratch.ts';
import { fakeMachine, runPackages } from './fake-machine.ts';

it('an empty machine lacks all; each package is named once', async () => {
  const { env } = fakeMachine();
  const { present, missing, findings, diagnostics } = await takeInventory(env);
  expect(present).toEqual([]);
  expect(findings.map(({ what }) => what)).toEqual(missing.map(({ name }) => name));
  expect(diagnostics.map(({ code }) => code)).toEqual([
    ...Array.from({ length: 6 }, () => 'TOOL101'),
    'TOOL120',
    'TOOL120',
  ]);
  expect(diagnostics.at(-1)?.message).toBe("'git' is not found on PATH; libvmm and sDDF are fetched with it");
  expect(missing.map(({ name }) => name)).toEqual([
    'clang',
    'lld',
    'llvm-objcopy',
    'llvm-ar',
    'dtc',
    'qemu-system-aarch64',
    'xz',
    'git',
  ]);
  expect(packagesOf(missing)).toEqual(runPackages);
});

it('a machine that has all lacks nothing', async () => {
  const { env, install } = fakeMachine();
  install(...runPackages);
  expect(await takeInventory(env)).toMatchObject({
    present: [
      'clang 19.1.7',
      'lld 19.1.7',
      'llvm-objcopy 19.1.7',
      'llvm-ar 19.1.7',
      'dtc 1.7.2',
      'qemu-system-aarch64 10.0.2',
      'xz',
      'git',
    ],
    missing: [],
    diagnostics: [],
  });
});

it('the tests need more', async () => {
  const { env, install } = fakeMachine();
  install(...runPackages);
  const { missing } = await takeInventory(env, { tests: true });
  expect(packagesOf(missing)).toEqual(['cpio', 'libxml2-utils', 'python3-venv', 'libclang-rt-19-dev']);
  install(...packagesOf(missing));
  const after = await takeInventory(env, { tests: true });
  expect(after.missing).toEqual([]);
  expect(after.present).toContain('sanitizer runtime of clang 19');
});

it("without a clang, its sanitizers come in the package that follows Debian's own clang", async () => {
  const { env } = fakeMachine();
  expect(packagesOf((await takeInventory(env, { tests: true })).missing)).toContain('libclang-rt-dev');
});

it('a python3 without what venv needs does not do', async () => {
  const { bin, env, install } = fakeMachine();
  install('python3-venv');
  fakeTool(bin, 'python3', 'exit 1');
  const { missing } = await takeInventory(env, { tests: true });
  expect(packagesOf(missing)).toContain('python3-venv');
});

it('says of a program that is there why it does not do', async () => {
  const { bin, env, install } = fakeMachine();
  install(...runPackages);
  fakeTool(bin, 'qemu-system-aarch64', 'echo "QEMU emulator version 5.2.0"');
  expect((await takeInventory(env)).missing).toEqual([
    {
      name: 'qemu-system-aarch64',
      packages: ['qemu-system-arm'],
      problem: `'${bin}/qemu-system-aarch64' is version 5.2.0, needed is 7.2 or newer`,
    },
  ]);
});
