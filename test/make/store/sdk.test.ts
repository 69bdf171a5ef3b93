// SPDX-License-Identifier: BSD-2-Clause
// Which SDK is taken, and what is said of one that does not fit: all of it at once, with what was found and needed.
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Refusal } from '../../../meta/diagnostic.ts';
import { cacheDir } from '../../../make/store/cache.ts';
import { findSdk } from '../../../make/store/sdk.ts';
import { openBoard } from '../../../make/store/sdk-board.ts';
import { describeForeign } from '../../../make/store/tool-machine.ts';
import { requireOrSkip } from '../../require.ts';
import { scratchDir, write } from '../scratch.ts';
import { fakeElf } from './fake-elf.ts';
import { fakeSdk, genConfig } from './fake-sdk.ts';

/** The diagnostics of what `run` refuses, and the exit code. */
function refused(run: () => unknown): { exit: number; said: string[]; hints: (string | undefined)[] } {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return {
      exit: error.exit,
      said: error.diagnostics.map(({ code, message }) => `${code} ${message}`),
      hints: error.diagnostics.map(({ hint }) => hint),
    };
  }
  throw new Error('nothing was refused');
}

describe('where it is', () => {
  it('flag before environment before store', () => {
    const home = scratchDir();
    const [flag, variable] = ['flag', 'variable'].map((name) => fakeSdk(join(home, name))) as [
      string,
      string,
    ];
    const stored = fakeSdk(join(home, 'cache/sdk/microkit-sdk-2.3.0'));
    const env = { VMBUILD_CACHE: join(home, 'cache') };
    expect(findSdk({ env }).path).toBe(stored);
    expect(findSdk({ env: { ...env, MICROKIT_SDK: variable } }).path).toBe(variable);
    expect(findSdk({ sdk: flag, env: { ...env, MICROKIT_SDK: variable } }).path).toBe(flag);
    expect(findSdk({ env: { ...env, MICROKIT_SDK: '' } }).path).toBe(stored);
  });

  it('[SDK directory] absent: exit 69, what to do and where it would be', () => {
    const env = { VMBUILD_CACHE: scratchDir() };
    const { exit, said, hints } = refused(() => findSdk({ env }));
    const stored = join(env.VMBUILD_CACHE, 'sdk/microkit-sdk-2.3.0');
    expect(exit).toBe(69);
    expect(said).toEqual([`SDK101 no Microkit SDK: it is not given, and not in the store ('${stored}')`]);
    expect(hints[0]).toContain('--sdk or MICROKIT_SDK');
  });

  it('[SDK directory] not an SDK (no VERSION): said with the name of what gave it', () => {
    const folder = scratchDir();
    const file = write(folder, 'file', '');
    expect(refused(() => findSdk({ sdk: folder, env: {} })).said[0]).toContain(
      'is no Microkit SDK: it has no VERSION file',
    );
    expect(refused(() => findSdk({ env: { MICROKIT_SDK: file } })).said[0]).toContain(
      'given by MICROKIT_SDK, is no directory',
    );
    expect(refused(() => findSdk({ sdk: join(folder, 'nowhere'), env: {} })).said[0]).toContain(
      'is not there',
    );
  });
});

describe('what it is', () => {
  it.each(['2.0.1', '2.4.0'])(
    '[SDK directory] version 2.0 or 2.4: %s is refused, or warned about if allowed',
    (version) => {
      const sdk = fakeSdk(scratchDir(), { version });
      const { said, hints } = refused(() => findSdk({ sdk, env: {} }));
      expect(said).toEqual([`STACK101 Microkit SDK is version '${version}', but vmbuild is made for 2.3.0`]);
      expect(hints[0]).toContain('2.3.0 (any 2.3.x is taken)');
      expect(findSdk({ sdk, env: {}, allowStack: true }).warnings.map(({ severity }) => severity)).toEqual([
        'warning',
      ]);
    },
  );

  it.each(['2.3.1', '2.3.0-dev', '2.3.0-dev+8780fab'])('%s: one warning', (version) => {
    expect(findSdk({ sdk: fakeSdk(scratchDir(), { version }), env: {} }).warnings).toMatchObject([
      { code: 'STACK102', severity: 'warning' },
    ]);
  });

  it('[SDK directory] tool not executable: said with the command, and with all else that is wrong', () => {
    const sdk = fakeSdk(scratchDir(), { version: '3.0', boards: [] });
    chmodSync(join(sdk, 'bin/microkit'), 0o644);
    const { said, hints } = refused(() => findSdk({ sdk, env: {} }));
    expect(said.map((text) => text.split(' ')[0])).toEqual(['STACK101', 'SDK104', 'SDK105']);
    expect(hints[1]).toBe(`run: chmod +x ${join(sdk, 'bin/microkit')}`);
  });

  it('[SDK directory] x86 SDK binary on an Arm host: both machines are named', () => {
    const sdk = fakeSdk(scratchDir());
    const other = process.arch === 'arm64' ? 62 : 183;
    const head = Buffer.from(fakeElf([]));
    head.writeUInt16LE(other, 18);
    writeFileSync(join(sdk, 'bin/microkit'), head);
    expect(refused(() => findSdk({ sdk, env: {} })).said).toEqual([
      `SDK122 '${join(sdk, 'bin/microkit')}' is a program for linux on ${other === 62 ? 'x64' : 'arm64'}, and this machine is ${process.platform} on ${process.arch}`,
    ]);
    head.writeUInt16LE(process.arch === 'arm64' ? 183 : 62, 18);
    writeFileSync(join(sdk, 'bin/microkit'), head);
    expect(findSdk({ sdk, env: {} }).warnings).toEqual([]);
  });

  it.each([
    ['linux', 'x64', 'cffaedfe0c000001', 'darwin on arm64'],
    ['linux', 'x64', 'cffaedfe07000001', 'darwin on x64'],
    ['darwin', 'x64', 'cffaedfe0c000001', 'darwin on arm64'],
    ['darwin', 'arm64', 'cffaedfe07000001', undefined],
    ['linux', 'x64', 'cffaedfe99999999', undefined],
    ['linux', 'x64', '', undefined],
  ])('a tool on %s, %s that begins with %s', (platform, arch, bytes, expected) => {
    const tool = write(
      scratchDir(),
      'microkit',
      Buffer.from(bytes.padEnd(bytes === '' ? 0 : 64, '0'), 'hex'),
    );
    expect(describeForeign(tool, { platform, arch })).toBe(expected);
  });

  it('[SDK directory] symlinked: taken by the name that was given', () => {
    const sdk = fakeSdk(join(scratchDir(), 'real'));
    const link = join(scratchDir(), 'link');
    symlinkSync(sdk, link);
    const board = openBoard(findSdk({ sdk: link, env: {} }), 'qemu_virt_aarch64', 'debug');
    expect(board.sdk.tool).toBe(join(link, 'bin/microkit'));
    // Of a folder, too.
    expect(findSdk({ sdk: `${dirname(link)}/`, env: {} }).path).toBe(link);
  });

  it('[SDK directory] spaces in the path: and quotes', () => {
    const sdk = fakeSdk(join(scratchDir('my sdks'), "it's 2.3"));
    expect(openBoard(findSdk({ sdk, env: {} }), 'qemu_virt_aarch64', 'debug').sdk.path).toBe(sdk);
    chmodSync(join(sdk, 'bin/microkit'), 0o644);
    const [hint = ''] = refused(() => findSdk({ sdk, env: {} })).hints;
    execFileSync('sh', ['-c', hint.slice('run: '.length)]);
    expect(findSdk({ sdk: dirname(sdk), env: {} }).path).toBe(sdk);
  });

  it('offers its boards and configurations', () => {
    const sdk = findSdk({
      sdk: fakeSdk(scratchDir(), { boards: ['b', 'a'], configs: ['release', 'debug'] }),
      env: {},
    });
    expect([...sdk.boards]).toEqual([
      ['a', ['debug', 'release']],
      ['b', ['debug', 'release']],
    ]);
  });
});

describe('a board in it', () => {
  const open = (path: string, board = 'qemu_virt_aarch64', config = 'debug') =>
    openBoard(findSdk({ sdk: path, env: {} }), board, config);

  it('gives facts and files', () => {
    const sdk = fakeSdk(scratchDir('an sdk'));
    const board = open(sdk);
    expect(board.kernel).toEqual({
      arch: 'aarch64',
      isHypervisor: true,
      hasGicV3: false,
      isDebug: true,
      prints: true,
      maxCores: 1,
      domains: 16,
      domainSchedules: 100,
      forwardsSmc: false,
      hasIommu: false,
      cpu: undefined,
    });
    expect(board.userTop).toBe(0xff_ffff_ffffn);
    expect(board.memory).toEqual([{ start: 0x60000000n, end: 0xc0000000n }]);
    expect(board.kernelImage).toEqual({ start: 0x60000000n, end: 0x6025d000n });
    expect(board.initialiserBytes).toBe(0x4f180n);
    expect(board.devices.at(-1)).toEqual({ start: 0xc0000000n, end: 1n << 40n });
    expect(board.toolInputs).toContain(join(sdk, 'board/qemu_virt_aarch64/debug/elf/initialiser.elf'));
  });

  it('[SDK directory] board or configuration missing: what there is', () => {
    const sdk = fakeSdk(scratchDir(), { boards: ['maaxboard', 'odroidc4'] });
    expect(refused(() => open(sdk, 'qemu')).hints[0]).toContain('maaxboard, odroidc4');
    expect(refused(() => open(sdk, 'maaxboard', 'smp-debug')).hints).toEqual([
      'choose one of debug, release',
    ]);
  });

  it('[SDK directory] a file missing (`initialiser.elf`): each is said', () => {
    const sdk = fakeSdk(scratchDir());
    const directory = join(sdk, 'board/qemu_virt_aarch64/debug');
    rmSync(join(directory, 'elf/initialiser.elf'));
    rmSync(join(directory, 'lib'), { recursive: true });
    expect(refused(() => open(sdk)).said.map((text) => text.replace(directory, ''))).toEqual([
      "SDK108 SDK 2.3.0 lacks '/elf/initialiser.elf'",
      "SDK108 SDK 2.3.0 lacks '/lib/libmicrokit.a'",
      "SDK108 SDK 2.3.0 lacks '/lib/microkit.ld'",
    ]);
  });

  it('[SDK directory] unreadable JSON: said with what is missing and damaged besides', () => {
    const sdk = fakeSdk(scratchDir());
    const directory = join(sdk, 'board/qemu_virt_aarch64/debug');
    rmSync(join(directory, 'elf/initialiser.elf'));
    rmSync(join(directory, 'lib'), { recursive: true });
    write(directory, 'elf/sel4.elf', 'an ELF?');
    write(directory, 'platform_gen.json', '{"memory": [{"start": 2, "end": 1}], "devices": ');
    write(
      directory,
      'include/kernel/gen_config.json',
      JSON.stringify({ ...genConfig, SEL4_ARCH: true, MAX_NUM_NODES: 'x' }),
    );
    const { said } = refused(() => open(sdk));
    expect(
      said.map((text) => text.replace(directory, '').replace(/(expected: \w+|no JSON): .*$/, '$1')),
    ).toEqual([
      "SDK108 SDK 2.3.0 lacks '/elf/initialiser.elf'",
      "SDK108 SDK 2.3.0 lacks '/lib/libmicrokit.a'",
      "SDK108 SDK 2.3.0 lacks '/lib/microkit.ld'",
      "SDK109 '/include/kernel/gen_config.json' is not as expected: SEL4_ARCH",
      "SDK109 '/include/kernel/gen_config.json' is not as expected: MAX_NUM_NODES",
      "SDK109 '/platform_gen.json' is no JSON",
      "SDK109 '/elf/sel4.elf' is not as expected: no 64-bit ELF file with anything to load",
    ]);
  });

  it('the real SDK', (ctx) => {
    const cache = join(cacheDir(process.env), 'sdk');
    let path: string | undefined;
    try {
      ({ path } = findSdk({ env: process.env }));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
    requireOrSkip(ctx, 'sdk', path !== undefined, `no Microkit SDK given or in ${cache}`);
    const board = open(path ?? '');
    expect(board.kernel).toMatchObject({
      arch: 'aarch64',
      isHypervisor: true,
      hasGicV3: false,
      isDebug: true,
    });
    expect(board.memory).toEqual([{ start: 0x60000000n, end: 0xc0000000n }]);
    expect(board.kernelImage.start).toBe(0x60000000n);
    expect(board.kernelImage.end).toBeLessThan(0x60400000n);
    expect(board.initialiserBytes).toBeLessThan(0x100000n);
  });
});

it('the store: VMBUILD_CACHE, XDG_CACHE_HOME if absolute, home', () => {
  expect(cacheDir({ VMBUILD_CACHE: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/c');
  expect(cacheDir({ XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/x/vmbuild');
  expect(cacheDir({ XDG_CACHE_HOME: 'x', HOME: '/h' })).toBe('/h/.cache/vmbuild');
  expect(cacheDir({ VMBUILD_CACHE: '', HOME: '/h' })).toBe('/h/.cache/vmbuild');
});
