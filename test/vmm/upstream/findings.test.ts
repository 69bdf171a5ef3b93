// SPDX-License-Identifier: BSD-2-Clause
// The findings of docs/libvmm-findings.md, proved with libvmm's own sources (from the store) on the host, as debug and as
// release builds and with both interrupt controllers; and our guards in front of the same sources, with a guest that does
// anything.

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { libvmmSources } from '../../../make/sources.ts';
import { findSources, type Sources } from '../../../make/store/sources.ts';
import { Refusal } from '../../../meta/diagnostic.ts';
import { requireOrSkip } from '../../require.ts';
import { findClangs, noClang, sanitizers } from '../compile.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const vmm = fileURLToPath(new URL('../../../vmm', import.meta.url));
const minutes = 60_000;

/** What of libvmm is not looked at: other devices, PCI, UEFI, and what copies images, with instructions of arm64. */
const unused = /(?:block|net|pci|table_loader|fw_cfg|linux)\.c$/;
const guards = [
  'console_guard',
  'cpu_interface',
  'distributor',
  'guest_access',
  'guest_fault',
  'redistributor',
  'virtual_timer',
].map((name) => join(vmm, `libvmm/${name}.c`));

const builds = [
  { title: 'debug, GICv2', flags: ['-DCONFIG_DEBUG_BUILD'] },
  { title: 'release, GICv2', flags: [] },
  { title: 'debug, GICv3', flags: ['-DCONFIG_DEBUG_BUILD', '-DFAKE_GIC_V3'] },
  { title: 'release, GICv3', flags: ['-DFAKE_GIC_V3'] },
];

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmbuild-upstream-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe.each(builds)('libvmm 0.2.0, $title', ({ title, flags }) => {
  it('has what docs/libvmm-findings.md says', { timeout: 5 * minutes }, async (ctx) => {
    const program = await build(ctx, flags, 'prove', ['prove.c', 'findings.c']);
    const run = await execa(program, { reject: false, timeout: minutes, env: quietSanitizers });
    process.stdout.write(`libvmm findings, ${title}: ${run.stdout.split('\n').at(-1) ?? ''}\n`);
    expect(run.stdout).not.toMatch(/^WRONG/m);
    expect(run.stdout).toMatch(/^proved (\d+) of \1$/m);
  });

  it('survives a guest that does anything behind our guards', { timeout: 5 * minutes }, async (ctx) => {
    const program = await build(ctx, flags, 'guarded', ['guarded.c', ...guards]);
    const run = await runGuest(program);
    expect(run.exitCode, run.stderr.slice(0, 2000)).toBe(0);
    process.stdout.write(`behind our guards, ${title}: ${run.stdout}\n`);
    const [, rounds, stops, lines] = /^(\d+) rounds: (\d+) stops, .* (\d+) lines$/m.exec(run.stdout) ?? [];
    // A guest is stopped with a line or two; nothing else may print in a loop.
    expect(Number(rounds)).toBe(50000);
    expect(Number(lines)).toBeLessThan(2 * Number(stops));
  });

  it('does not survive it without them', { timeout: 5 * minutes }, async (ctx) => {
    const run = await runGuest(
      await build(ctx, [...flags, '-DWITHOUT_GUARDS'], 'bare', ['guarded.c', ...guards]),
    );
    expect(run.failed).toBe(true);
  });
});

it('every finding that is proved has its entry', () => {
  const document = readFileSync(new URL('../../../docs/libvmm-findings.md', import.meta.url), 'utf8');
  const names = [...readFileSync(join(here, 'findings.c'), 'utf8').matchAll(/FINDING\((\w+), [A-Z]/g)];
  expect(names.length).toBeGreaterThan(30);
  for (const [, name = ''] of names) expect(document).toContain(`\`${name}\``);
});

const runGuest = (program: string) =>
  execa(program, ['50000', '1'], { reject: false, timeout: 2 * minutes, env: quietSanitizers });

const quietSanitizers = { ASAN_OPTIONS: 'detect_leaks=0' };

/** Objects by their flags and their source: what two programs have in common is compiled once. */
const compiled = new Map<string, Promise<string>>();

/** Compiles libvmm, the world around it and `sources`, and links them. */
async function build(
  ctx: TestContext,
  flags: readonly string[],
  name: string,
  sources: readonly string[],
): Promise<string> {
  const [clang = ''] = await findClangs();
  requireOrSkip(ctx, 'clang', clang !== '', noClang);
  const { found, why } = lookForSources();
  requireOrSkip(ctx, 'libvmm', found !== undefined, why);
  const libvmm = found?.libvmm.path ?? '';
  const sddf = found?.sddf.path ?? '';
  // Descriptors and queues lie where a guest wants them; that libvmm reads them unaligned is no finding on arm64.
  const checks = [...sanitizers, '-fno-sanitize=alignment'];
  const includes = [
    join(here, 'fake'),
    here,
    join(libvmm, 'include'),
    join(sddf, 'include'),
    vmm,
    join(vmm, 'libvmm'),
  ];
  const words = ['-std=gnu11', '-g', '-O1', '-w', ...checks, ...includes.map((path) => `-I${path}`)];
  const compile = async (source: string, own: readonly string[]): Promise<string> => {
    const object = join(dir, `${basename(source, '.c')}${own.join('')}.o`);
    await execa(clang, [...words, ...own, '-c', source, '-o', object]);
    return object;
  };
  const theirs = libvmmSources.filter((source) => !unused.test(source)).map((source) => join(libvmm, source));
  const ours = ['world.c', ...sources].map((source) =>
    source.startsWith('/') ? source : join(here, source),
  );
  const objects: string[] = [];
  for (const source of [...theirs, ...ours]) {
    const own =
      basename(source) === 'guarded.c' ? flags : flags.filter((flag) => flag !== '-DWITHOUT_GUARDS');
    const key = [source, ...own].join(' ');
    const object = compiled.get(key) ?? compile(source, own);
    compiled.set(key, object);
    objects.push(await object);
  }
  const program = join(dir, [name, ...flags].join(''));
  await execa(clang, [...checks, ...objects, '-o', program]);
  return program;
}

function lookForSources(): { found: Sources | undefined; why: string } {
  try {
    return { found: findSources({ env: process.env }), why: '' };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { found: undefined, why: error.diagnostics.map(({ message }) => message).join('; ') };
  }
}
