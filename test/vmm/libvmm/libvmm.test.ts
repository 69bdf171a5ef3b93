// SPDX-License-Identifier: BSD-2-Clause
// The device's seat in a libvmm VMM and its guards, on the host: vmm/libvmm/ compiled against fake/, which plays the
// Microkit and libvmm, under ASan and UBSan. What the real ones do with it, test/e2e boots.

import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireOrSkip } from '../../require.ts';
import { findClangs, noClang, sanitizers } from '../compile.ts';
import { compileSeat, seatTests } from './build.ts';

/** The same code for both interrupt controllers, each with the tests of its own. */
const controllers = [
  { title: 'with a GICv2', folder: 'gic_v2', flags: [] },
  { title: 'with a GICv3', folder: 'gic_v3', flags: ['-DCONFIG_ARM_GIC_V3_SUPPORT'] },
] as const;

let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmbuild-libvmm-'));
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe.each(controllers)('the seat in a libvmm VMM $title', ({ folder, flags }) => {
  const names = seatTests(folder).flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/^TEST\((\w+)\)/gm)].map((match) => match[1] ?? ''),
  );
  let output: string | undefined;

  beforeAll(async () => {
    const clang = (await findClangs())[0];
    if (clang === undefined) return;
    const objectDir = join(dir, folder);
    await mkdir(objectDir);
    const objects = await compileSeat(clang, folder, objectDir, ['-g', '-O1', ...sanitizers, ...flags]);
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
