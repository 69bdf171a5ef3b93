// SPDX-License-Identifier: BSD-2-Clause
// The device's seat in a libvmm VMM and its guards, on the host: vmm/libvmm/ compiled against fake/, which plays the
// Microkit and libvmm, under ASan and UBSan. What the real ones do with it, test/e2e boots.

import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireOrSkip } from '../../require.ts';
import { cFiles, compileObjects, findClangs, noClang, sanitizers, testDir } from '../compile.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const vmm = fileURLToPath(new URL('../../../vmm', import.meta.url));
const fake = join(here, 'fake');
const includes = [fake, here, vmm, join(vmm, 'libvmm'), join(vmm, 'vsock')].map((dir) => `-I${dir}`);

/** The same code for both interrupt controllers, each with the tests of its own. */
const controllers = [
  { title: 'with a GICv2', folder: 'gic_v2', flags: [] },
  { title: 'with a GICv3', folder: 'gic_v3', flags: ['-DCONFIG_ARM_GIC_V3_SUPPORT'] },
] as const;

// The one only calls libvmm, with symbols of images.S; the other only reads the machine's registers.
const untested = new Set(['guest_images.c', 'generic_timer.c']);
const sources = cFiles(join(vmm, 'libvmm')).filter((path) => !untested.has(path.split('/').at(-1) ?? ''));

let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmbuild-libvmm-'));
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe.each(controllers)('the seat in a libvmm VMM $title', ({ folder, flags }) => {
  const tests = [...cFiles(here), ...cFiles(join(here, folder))];
  const names = tests.flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/^TEST\((\w+)\)/gm)].map((match) => match[1] ?? ''),
  );
  let output: string | undefined;

  beforeAll(async () => {
    const clang = (await findClangs())[0];
    if (clang === undefined) return;
    const all = [...sources, ...tests, ...cFiles(fake), join(testDir, 'harness.c')];
    const objectDir = join(dir, folder);
    await mkdir(objectDir);
    const objects = await compileObjects(clang, all, objectDir, [
      '-g',
      '-O1',
      ...sanitizers,
      ...includes,
      ...flags,
    ]);
    const program = join(objectDir, 'libvmm-tests');
    await execa(clang, [...sanitizers, ...objects.values(), '-o', program]);
    output = (await execa(program, { reject: false, all: true, timeout: 60_000 })).all;
  });

  for (const name of names) {
    it(name, (ctx) => {
      requireOrSkip(ctx, 'clang', output !== undefined, noClang);
      const lines = (output ?? '').split('\n');
      const said = lines.filter((line) => line.startsWith(`FAILED ${name}:`));
      expect(lines.includes(`ok ${name}`), [...said, ...lines.slice(-20)].join('\n')).toBe(true);
    });
  }

  it('runs all of its tests and no other', (ctx) => {
    requireOrSkip(ctx, 'clang', output !== undefined, noClang);
    expect(output).toContain(`${names.length} passed, 0 failed`);
  });
});
