// SPDX-License-Identifier: BSD-2-Clause
// The drivers' command lines, and the real programs behind them where they are.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { archive } from '../../../make/tools/ar.ts';
import { cc } from '../../../make/tools/clang.ts';
import { compileDeviceTree } from '../../../make/tools/dtc.ts';
import { searchTools } from '../../../make/tools/find.ts';
import { link } from '../../../make/tools/lld.ts';
import { microkit } from '../../../make/tools/microkit.ts';
import { extractSection, updateSections } from '../../../make/tools/objcopy.ts';
import type { Step } from '../../../make/step.ts';
import { requireOrSkip } from '../../require.ts';
import { build, scratchDir, write } from '../scratch.ts';

it('microkit: the SDK is always named, ELFs are found in all their directories', () => {
  const step = microkit({
    sdk: { path: '/sdk', tool: '/sdk/bin/microkit', toolInputs: ['/sdk/VERSION'] },
    system: 'vsock.system',
    elves: ['a.elf', 'b.elf', 'pds/c.elf'],
    board: 'qemu_virt_aarch64',
    config: 'debug',
    output: 'loader.img',
    report: 'report.txt',
  });
  expect(step).toMatchObject({
    action: {
      args: 'vsock.system --search-path . --search-path pds --board qemu_virt_aarch64 --config debug -o loader.img -r report.txt'.split(
        ' ',
      ),
      env: { MICROKIT_SDK: '/sdk' },
    },
    inputs: ['vsock.system', 'a.elf', 'b.elf', 'pds/c.elf', '/sdk/VERSION'],
    outputs: ['loader.img', 'report.txt'],
  });
});

interface Llvm {
  readonly clang: string;
  readonly lld: string;
  readonly ar: string;
  readonly objcopy: string;
}

async function needLlvm(ctx: TestContext): Promise<Llvm> {
  const { found } = await searchTools(['clang', 'lld', 'llvm-ar', 'llvm-objcopy'], process.env);
  requireOrSkip(ctx, 'clang', found.size === 4, 'no clang, ld.lld, llvm-ar and llvm-objcopy on PATH');
  const pathOf = (name: 'clang' | 'lld' | 'llvm-ar' | 'llvm-objcopy'): string => found.get(name)?.path ?? '';
  return {
    clang: pathOf('clang'),
    lld: pathOf('lld'),
    ar: pathOf('llvm-ar'),
    objcopy: pathOf('llvm-objcopy'),
  };
}

const target = ['--target=aarch64-none-elf', '-ffreestanding', '-g3', '-O2', '-Wall', '-Werror'];

/** A program of two objects, one of them from an archive, with a config section that is filled in afterwards. */
function project(llvm: Llvm, outer: string): { buildDir: string; steps: Step[] } {
  const sources = join(outer, `so"ur'ces $x`);
  const buildDir = join(outer, 'build dir');
  write(sources, 'include/value.h', '#define VALUE 41\n');
  write(
    sources,
    'main.c',
    [
      '#include "value.h"',
      '__attribute__((section(".config"))) volatile unsigned config;',
      'extern int add(int);',
      'const char *where(void) { return __FILE__; }',
      'int _start(void) { return add(VALUE) + config; }',
      '',
    ].join('\n'),
  );
  write(sources, 'add.S', '#include "value.h"\n .global add\nadd: add w0, w0, #1\n ret\n');
  write(buildDir, 'config.h', '__attribute__((section(".config"))) unsigned config = 0x12345678;\n');
  const common = {
    clang: llvm.clang,
    flags: target,
    includes: [join(sources, 'include')],
    prefixMap: [[sources, '/src']] as const,
  };
  return {
    buildDir,
    steps: [
      cc({ ...common, source: join(sources, 'main.c'), output: 'obj/main.o' }),
      cc({ ...common, source: join(sources, 'add.S'), output: 'obj/add.o' }),
      cc({ ...common, source: 'config.h', output: 'obj/config.o' }),
      archive({ ar: llvm.ar, objects: ['obj/add.o'], output: 'libadd.a' }),
      link({ lld: llvm.lld, objects: ['obj/main.o'], archives: ['libadd.a'], output: 'plain.elf' }),
      extractSection({
        objcopy: llvm.objcopy,
        input: 'obj/config.o',
        section: '.config',
        output: 'config.data',
      }),
      updateSections({
        objcopy: llvm.objcopy,
        input: 'plain.elf',
        sections: { '.config': 'config.data' },
        output: 'final.elf',
      }),
    ],
  };
}

describe('with the real LLVM', () => {
  it('compiles, packs, links and configures; a second run starts nothing; a header rebuilds what includes it', async (ctx) => {
    const { buildDir, steps } = project(await needLlvm(ctx), scratchDir('one'));
    const first = await build(steps, { buildDir });
    expect(first.refusal?.diagnostics).toBeUndefined();
    expect(first.ran).toHaveLength(7);
    expect(readFileSync(join(buildDir, 'config.data')).readUInt32LE()).toBe(0x12345678);
    expect(readFileSync(join(buildDir, 'final.elf')).includes(Buffer.from([0x78, 0x56, 0x34, 0x12]))).toBe(
      true,
    );
    expect((await build(steps, { buildDir })).ran).toEqual([]);
    write(join(buildDir, '..', `so"ur'ces $x`), 'include/value.h', '#define VALUE 40\n');
    // The assembly does not use the value: its object comes out the same, and nothing after it runs.
    expect((await build(steps, { buildDir })).ran.toSorted()).toEqual([
      'cc obj/add.o',
      'cc obj/main.o',
      'link plain.elf',
      'sections final.elf',
    ]);
  });

  it.for(['', '-14', '-19'])('clang%s makes the same bytes in two directories', async (version, ctx) => {
    const given = await needLlvm(ctx);
    // Each version has its own ways to let a directory show; those that are installed by name are tried too.
    const clang = `/usr/bin/clang${version}`;
    if (version !== '' && !existsSync(clang)) return;
    const llvm = version === '' ? given : { ...given, clang };
    const [one, two] = [project(llvm, scratchDir('one')), project(llvm, scratchDir('another one'))];
    for (const { steps, buildDir } of [one, two])
      expect((await build(steps, { buildDir })).refusal).toBeUndefined();
    for (const output of one.steps.flatMap((step) => step.outputs)) {
      const bytes = readFileSync(join(one.buildDir, output));
      expect(bytes.equals(readFileSync(join(two.buildDir, output))), output).toBe(true);
      expect(bytes.includes('vmbuild-test'), output).toBe(false);
    }
  });

  it('shows what the compiler says', async (ctx) => {
    const { clang } = await needLlvm(ctx);
    const buildDir = scratchDir();
    write(buildDir, 'x.c', 'int main(void) { return y; }\n');
    const { events, refusal } = await build([cc({ clang, flags: target, source: 'x.c', output: 'x.o' })], {
      buildDir,
    });
    expect(refusal?.diagnostics).toHaveLength(1);
    expect(events.find(({ kind }) => kind === 'failed')).toMatchObject({
      output: expect.stringContaining("use of undeclared identifier 'y'") as string,
    });
  });
});

it('dtc compiles a tree and notes what it includes', async (ctx) => {
  const { found } = await searchTools(['dtc'], process.env);
  const dtc = found.get('dtc')?.path ?? '';
  requireOrSkip(ctx, 'dtc', dtc !== '', 'no dtc on PATH');
  const buildDir = scratchDir(`a 'dir'`);
  write(buildDir, 'inc/node.dtsi', '/ { node { x = <1>; }; };\n');
  write(buildDir, 'tree.dts', '/dts-v1/;\n/include/ "node.dtsi"\n');
  const steps = [compileDeviceTree({ dtc, input: 'tree.dts', output: 'tree.dtb', includes: ['inc'] })];
  expect((await build(steps, { buildDir })).refusal).toBeUndefined();
  expect(readFileSync(join(buildDir, 'tree.dtb')).readUInt32BE()).toBe(0xd00dfeed);
  expect((await build(steps, { buildDir })).ran).toEqual([]);
  write(buildDir, 'inc/node.dtsi', '/ { node { x = <2>; }; };\n');
  expect((await build(steps, { buildDir })).ran).toEqual(['dtc tree.dtb']);
});
