// SPDX-License-Identifier: BSD-2-Clause
// Runs the device core's C tests under ASan and UBSan, and holds the core to its compilers: no warning for the host or
// for a freestanding AArch64, and nothing outside memcpy and memset.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireOrSkip } from '../require.ts';
import {
  cFiles,
  compileObjects,
  coreDir,
  findClangs,
  noClang,
  sanitizers,
  testDir,
  testNames,
} from './compile.ts';
import { freestanding, judgeFences, wantedFences } from './fences.ts';

const host = ['-D_GNU_SOURCE', '-g', '-O1', '-pthread'];
const clangs = await findClangs();
const names = testNames();
let dir = '';
let output: string | undefined;
let reason = noClang;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmbuild-vsock-'));
  const clang = clangs[0];
  if (clang === undefined) return;
  const probe = await execa(clang, [...sanitizers, '-x', 'c', '-', '-o', join(dir, 'probe')], {
    input: 'int main(void) { return 0; }\n',
    reject: false,
  });
  if (probe.exitCode !== 0) {
    reason = `${basename(clang)} has no sanitizer runtime; try: apt-get install libclang-rt-14-dev`;
    return;
  }
  const flags = [...host, ...sanitizers];
  const objects = await compileObjects(clang, [...cFiles(coreDir), ...cFiles(testDir)], dir, flags);
  const program = join(dir, 'vsock-tests');
  await execa(clang, [...flags, ...objects.values(), '-o', program]);
  const run = await execa(program, {
    reject: false,
    all: true,
    timeout: 100_000,
    env: { ASAN_OPTIONS: 'detect_leaks=0' },
  });
  output = run.all;
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('the device core', () => {
  for (const name of names) {
    it(name, (ctx) => {
      requireOrSkip(ctx, 'clang', output !== undefined, reason);
      const lines = (output ?? '').split('\n');
      const said = lines.filter((line) => line.startsWith(`FAILED ${name}:`));
      const context = said.length > 0 ? said : ['it did not finish:', ...lines.slice(-40)];
      expect(lines.includes(`ok ${name}`), context.join('\n')).toBe(true);
    });
  }

  it('runs all of its tests and no other', (ctx) => {
    requireOrSkip(ctx, 'clang', output !== undefined, reason);
    expect(new Set(names).size).toBe(names.length);
    expect(output).toContain(`${names.length} passed, 0 failed`);
  });

  it('compiles without a warning for the host and for a freestanding AArch64', async (ctx) => {
    requireOrSkip(ctx, 'clang', clangs.length > 0, noClang);
    for (const clang of clangs) {
      await compileObjects(clang, cFiles(coreDir), dir, ['-O2', '-Wconversion']);
      await compileObjects(clang, cFiles(coreDir), dir, freestanding);
    }
  });

  it('orders its memory accesses for other cores', async (ctx) => {
    requireOrSkip(ctx, 'clang', clangs.length > 0, noClang);
    for (const clang of clangs) {
      for (const file of Object.keys(wantedFences)) {
        expect(await judgeFences(clang, join(coreDir, file)), `${clang} ${file}`).toEqual([]);
      }
    }
  });

  it('needs memcpy and memset only', async (ctx) => {
    const [clang] = clangs;
    requireOrSkip(ctx, 'clang', clang !== undefined, noClang);
    // Whatever the core needs from outside, a program that has only these two does not link without.
    const objects = await compileObjects(clang ?? '', cFiles(coreDir), dir, [
      '-O2',
      '-ffreestanding',
      '-nostdlibinc',
    ]);
    const source =
      'void *memcpy(void *t) { return t; } void *memset(void *t) { return t; } int main(void) { return 0; }\n';
    const flags = [
      '-fno-builtin',
      '-Wno-incompatible-library-redeclaration',
      '-nostdlib',
      '-Wl,--entry=main',
    ];
    await execa(
      clang ?? '',
      [...flags, '-x', 'c', '-', '-x', 'none', ...objects.values(), '-o', join(dir, 'bare')],
      {
        input: source,
      },
    );
  });
});
