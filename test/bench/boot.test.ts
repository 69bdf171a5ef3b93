// SPDX-License-Identifier: BSD-2-Clause
// What the benchmark of a guest's boot makes of PID 1's line, its list of remedies, and its own command line.
import { spawnSync } from 'node:child_process';
import { Buffer } from 'node:buffer';
import { describe, expect, it, test } from 'vitest';
import { renderTree } from '../../bench/boot/device-tree.ts';
import { wrapKernel } from '../../bench/boot/elf-kernel.ts';
import { parseBootLine } from '../../bench/boot/measure.ts';
import { renderBootTable } from '../../bench/boot/table.ts';
import { commandLineOf, listIdeas, listRemedies } from '../../bench/boot/variants.ts';

describe("PID 1's line", () => {
  it('is in ticks of the timer', () => {
    expect(parseBootLine('bench boot: hz=62500000 pid1=125 loaded=62500000 modules=4')).toEqual({
      pid1Ns: 2000,
      loadedNs: 1e9,
      modules: 4,
    });
  });

  test.for([
    'bench boot: hz=0 pid1=1 loaded=2 modules=4',
    'bench boot: hz=62500000 pid1=1 loaded=2 modules=',
    '[    1.0] bench boot: hz=62500000 pid1=1 loaded=2 modules=4',
    'VSOCK INIT|INFO: module vsock.ko: ENOENT (2)',
  ])('%s is none', (text) => {
    expect(parseBootLine(text)).toBeUndefined();
  });
});

it('shows the least, and ratios to the first row', () => {
  const rows = [
    {
      name: 'plain',
      counted: { pid1Ns: 750e6, loadedNs: 1.2e9 },
      boots: [
        { cpuS: 4, wallS: 4.1 },
        { cpuS: 3, wallS: 9 },
      ],
    },
    { name: '+ more', counted: undefined, boots: [{ cpuS: 1.5, wallS: 1.5 }] },
  ];
  expect(renderBootTable(rows).split('\n').slice(2)).toEqual([
    '| plain | 750 | 1200 | 3.00 | 100 % | 4.10 |',
    '| + more | - | - | 1.50 | 50 % | 1.50 |',
    '',
  ]);
});

describe('remedies', () => {
  const [plain, ...more] = listRemedies();
  const best = more.at(-1);

  it('add up', () => {
    const lines = [plain, ...more].map((variant) => variant && commandLineOf(variant));
    expect(lines[0]).toBe('console=ttyAMA0 quiet panic=-1 cma=0');
    expect(lines.at(-1)).toBe(
      'console=ttyAMA0 quiet panic=-1 cma=0 cryptomgr.notests nokaslr lsm= initcall_blacklist=load_system_certificate_list,trace_eval_init,param_sysfs_builtin_init,jent_mod_init',
    );
    expect([best?.tree, best?.kernel]).toEqual(['own', 'elf']);
  });

  it('have names of their own, and so do ideas, which start from all remedies', () => {
    const all = [...listRemedies(), ...listIdeas()];
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    for (const idea of listIdeas()) expect(idea.tree).toBe('own');
  });
});

it('wraps a kernel whose bytes stay as they are', () => {
  const image = Buffer.from('a kernel');
  const elf = wrapKernel(image);
  expect(elf.subarray(0, 7).toString('latin1')).toBe('\x7fELF\x02\x01\x01');
  const segments = [0, 1].map((i) => {
    const at = 64 + 56 * i;
    const [offset, address, , size] = [8, 16, 24, 32].map((field) => Number(elf.readBigUInt64LE(at + field)));
    return { offset: offset ?? 0, address: address ?? 0, size: size ?? 0 };
  });
  const [code, kernel] = segments;
  expect(kernel).toEqual({ offset: 0x2000, address: 0x4020_0000, size: image.length });
  expect(elf.subarray(0x2000)).toEqual(image);
  expect(Number(elf.readBigUInt64LE(24))).toBe(code?.address);
  expect((code?.address ?? 0) + (code?.size ?? 0)).toBeLessThanOrEqual(kernel?.address ?? 0);
});

it("says where the initrd is only if QEMU does not, and has the machine's numbers", () => {
  const tree = renderTree({
    gicVersion: 3,
    memoryMib: 128,
    initrd: { start: 0x4400_0000, end: 0x4400_1000 },
  });
  expect(tree).toContain('linux,initrd-end = <0 1140854784>;');
  expect(tree).toContain('reg = <0 0x40000000 0 134217728>;');
  expect(tree).toContain('"arm,gic-v3"');
  const other = renderTree({ gicVersion: 2, memoryMib: 128 });
  expect(other).not.toContain('initrd');
  expect(other).toContain('"arm,cortex-a15-gic"');
});

describe('the command line', () => {
  test.for([
    [['--runs', '0'], "--runs is '0', expected a number from 1 to 100"],
    [['--speed'], "Unknown option '--speed'"],
  ] as const)('%s', ([words, message]) => {
    const { status, stderr, stdout } = spawnSync(process.execPath, ['bench/run.mjs', 'boot', ...words], {
      cwd: new URL('../..', import.meta.url).pathname,
      encoding: 'utf8',
    });
    expect(stderr).toContain(`error[BEN101]: ${message}`);
    expect(stderr).not.toContain(' at ');
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});
