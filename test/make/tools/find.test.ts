// SPDX-License-Identifier: BSD-2-Clause
// Finding tools on a PATH of fake ones: names with versions, families, what is missing, old or broken, all at once.
import { chmodSync, mkdirSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Refusal } from '../../../meta/diagnostic.ts';
import { findTools, type ToolName } from '../../../make/tools/find.ts';
import { compareVersions, isSameMinor, parseVersion } from '../../../make/tools/version.ts';
import { fakeTool, runsOf, scratchDir, write } from '../scratch.ts';

const says = {
  clang: (version: string) => `echo "Debian clang version ${version} (1~deb)"`,
  'ld.lld': (version: string) => `echo "Debian LLD ${version} (compatible with GNU linkers)"`,
  'llvm-objcopy': (version: string) =>
    `echo "llvm-objcopy, compatible"; echo "Debian LLVM version ${version}"`,
  dtc: (version: string) => `echo "Version: DTC ${version}"`,
  'qemu-system-aarch64': (version: string) => `echo "QEMU emulator version ${version} (Debian 1:7.2)"`,
} as const;

/** A PATH of one directory; `{'clang-19': '19.1.7'}` puts a clang-19 there that says so. */
function path(tools: Readonly<Record<string, string>>): { bin: string; env: Record<string, string> } {
  const bin = scratchDir('bin dir');
  for (const [command, version] of Object.entries(tools)) {
    const name = command.replace(/-\d+$/, '') as keyof typeof says;
    fakeTool(bin, command, says[name](version));
  }
  // The scripts need none but the shell's own commands.
  return { bin, env: { PATH: bin, VMBUILD_CACHE: join(bin, 'cache') } };
}

async function commandsOf(
  names: readonly ToolName[],
  tools: Readonly<Record<string, string>>,
): Promise<string[]> {
  const { bin, env } = path(tools);
  const found = await findTools(names, env);
  return names.map((name) => found[name].path.slice(bin.length + 1));
}

async function messagesOf(names: readonly ToolName[], env: Record<string, string>): Promise<string[]> {
  try {
    await findTools(names, env);
    return [];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    expect(error.exit).toBe(69);
    return error.diagnostics.map(
      ({ code, message, hint }) => `${code} ${message}${hint === undefined ? '' : ` | ${hint}`}`,
    );
  }
}

const llvm: readonly ToolName[] = ['clang', 'lld', 'llvm-objcopy'];

describe('the LLVM family', () => {
  it('is the plain one if it is complete', async () => {
    const tools = {
      clang: '14.0.6',
      'ld.lld': '14.0.6',
      'llvm-objcopy': '14.0.6',
      'clang-19': '19.1.7',
      'ld.lld-19': '19.1.7',
      'llvm-objcopy-19': '19.1.7',
    };
    expect(await commandsOf(llvm, tools)).toEqual(['clang', 'ld.lld', 'llvm-objcopy']);
  });

  it('is the newest complete one otherwise', async () => {
    const tools = {
      clang: '14.0.6',
      'llvm-objcopy': '14.0.6',
      'clang-18': '18.1.0',
      'ld.lld-18': '18.1.0',
      'llvm-objcopy-18': '18.1.0',
      'clang-19': '19.1.7',
      'ld.lld-19': '19.1.7',
    };
    expect(await commandsOf(llvm, tools)).toEqual(['clang-18', 'ld.lld-18', 'llvm-objcopy-18']);
  });

  it('is mixed if none is complete', async () => {
    const tools = { 'clang-19': '19.1.7', 'ld.lld': '14.0.6', 'llvm-objcopy-18': '18.1.0' };
    expect(await commandsOf(llvm, tools)).toEqual(['clang-19', 'ld.lld', 'llvm-objcopy-18']);
  });

  it('leaves a plain one aside that is too old', async () => {
    expect(await commandsOf(['clang'], { clang: '11.0.1', 'clang-16': '16.0.6' })).toEqual(['clang-16']);
  });
});

describe('what is wrong', () => {
  it('[Toolchain] clang, ld.lld or gcc missing, too old, without aarch64: missing, all at once, and one line that installs all', async () => {
    const { env } = path({ dtc: '1.6.1' });
    expect(await messagesOf(['clang', 'dtc', 'qemu-system-aarch64'], env)).toEqual([
      "TOOL101 'clang' is not found on PATH (needed: 14 or newer)",
      "TOOL101 'qemu-system-aarch64' is not found on PATH (needed: 7.2 or newer) | run: vmbuild setup, or: apt install clang qemu-system-arm",
    ]);
  });

  it('[Toolchain] clang, ld.lld or gcc missing, too old, without aarch64: too old, with both versions', async () => {
    const { bin, env } = path({ 'qemu-system-aarch64': '6.2.0', dtc: '1.5.1' });
    expect(await messagesOf(['qemu-system-aarch64', 'dtc'], env)).toEqual([
      `TOOL102 '${bin}/qemu-system-aarch64' is version 6.2.0, needed is 7.2 or newer`,
      `TOOL102 '${bin}/dtc' is version 1.5.1, needed is 1.6 or newer | run: vmbuild setup, or: apt install qemu-system-arm device-tree-compiler`,
    ]);
  });

  it('[Toolchain] clang, ld.lld or gcc missing, too old, without aarch64: without aarch64, another one is taken, or it is said', async () => {
    const { bin, env } = path({ 'clang-18': '18.1.0' });
    const targets = (name: string): string => `echo "  Registered Targets:"; echo "    ${name} - ${name}"`;
    const clang = (name: string): string =>
      `if [ "$1" = --print-targets ]; then ${targets(name)}; else ${says.clang('19.1.7')}; fi`;
    fakeTool(bin, 'clang', clang('x86-64'));
    expect((await findTools(['clang'], env)).clang.path).toBe(join(bin, 'clang-18'));
    fakeTool(bin, 'clang-18', clang('arm'));
    expect((await messagesOf(['clang'], env))[0]).toContain(
      `TOOL104 '${bin}/clang' 19.1.7 was built without the target aarch64 | run: `,
    );
    fakeTool(bin, 'clang', clang('aarch64'));
    expect((await findTools(['clang'], env)).clang.path).toBe(join(bin, 'clang'));
  });

  const broken: readonly (readonly [string, string])[] = [
    ['exit 3', 'exited with 3'],
    ['kill -ILL $$', 'was ended by SIGILL'],
    ['echo hello', "says no version but 'hello'"],
  ];
  it.each(broken)('[Toolchain] a wrapper that fails: %s', async (script, words) => {
    const { bin, env } = path({});
    fakeTool(bin, 'dtc', script);
    expect((await messagesOf(['dtc'], env))[0]).toContain(`TOOL103 '${bin}/dtc --version' ${words}`);
  });

  it('a file that may not be executed, a directory, a dangling link are not there', async () => {
    const { bin, env } = path({});
    chmodSync(write(bin, 'dtc', '#!/bin/sh\n'), 0o644);
    mkdirSync(join(bin, 'clang'));
    symlinkSync('nowhere', join(bin, 'ld.lld'));
    const codes = (await messagesOf(['dtc', 'clang', 'lld'], env)).map((text) => text.slice(0, 7));
    expect(codes).toEqual(['TOOL101', 'TOOL101', 'TOOL101']);
  });

  it('no PATH at all', async () => {
    expect(await messagesOf(['dtc'], { VMBUILD_CACHE: scratchDir() })).toHaveLength(1);
  });
});

describe('asking for versions', () => {
  it('happens once per program, until the program changes', async () => {
    const { bin, env } = path({ dtc: '1.6.1' });
    for (let i = 0; i < 3; i += 1) await findTools(['dtc'], env);
    expect(runsOf(bin, 'dtc')).toEqual(['--version']);
    fakeTool(bin, 'dtc', says.dtc('1.7.0'));
    utimesSync(join(bin, 'dtc'), 1, 1);
    expect((await findTools(['dtc'], env)).dtc.version).toBe('1.7.0');
    expect(runsOf(bin, 'dtc')).toHaveLength(2);
  });

  it('works without a store that can be written, or with a damaged one', async () => {
    const { bin, env } = path({ dtc: '1.6.1' });
    write(join(bin, 'cache'), 'probes.json', '[["x"], 3, null');
    expect((await findTools(['dtc'], env)).dtc.version).toBe('1.6.1');
    const file = write(bin, 'file', '');
    expect((await findTools(['dtc'], { ...env, VMBUILD_CACHE: join(file, 'x') })).dtc.version).toBe('1.6.1');
  });
});

it('versions', () => {
  expect(parseVersion('2.3.0-dev')).toBe('2.3.0');
  expect(parseVersion('v1.6.1')).toBe('1.6.1');
  expect(parseVersion('x1')).toBeUndefined();
  expect(compareVersions('7.10', '7.2')).toBeGreaterThan(0);
  expect(compareVersions('14', '14.0.0')).toBe(0);
  expect(compareVersions('1.5.9', '1.6')).toBeLessThan(0);
  expect([isSameMinor('2.3.1', '2.3.0'), isSameMinor('2.30', '2.3')]).toEqual([true, false]);
});
