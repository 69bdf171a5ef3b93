// SPDX-License-Identifier: BSD-2-Clause
// The device's seat in a libvmm VMM and its guards, on the host: vmm/libvmm/ compiled against fake/, which plays the
// Microkit and libvmm, under ASan and UBSan. What the real ones do with it, test/e2e boots.

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boardNames, loadBoard } from '../../../boards/index.ts';
import { cpuInterface } from '../../../make/pd/vmm.ts';
import { requireOrSkip } from '../../require.ts';
import { findClangs, noClang, sanitizers } from '../compile.ts';
import { compileSeat, controllers, linkSeat, seatDir, seatTests } from './build.ts';

let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmbuild-libvmm-'));
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe.each(controllers)('the seat in a libvmm VMM $title', (controller) => {
  const names = seatTests(controller).flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/^TEST\((\w+)\)/gm)].map((match) => match[1] ?? ''),
  );
  let output: string | undefined;

  beforeAll(async () => {
    const clang = (await findClangs())[0];
    if (clang === undefined) return;
    const out = join(dir, controller.folder);
    const objects = await compileSeat(clang, controller, out, ['-g', '-O1', ...sanitizers]);
    const program = await linkSeat(clang, out, sanitizers, objects);
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

it('the VMM knows where each board with a GICv2 has its CPU interface', async () => {
  const text = readFileSync(join(seatDir, 'list_registers.c'), 'utf8');
  // Only the board says it.
  expect(text).toContain('.x0 = GUEST_CPU_INTERFACE,');
  expect(text.match(/#define GUEST_CPU_INTERFACE .*/g)).toEqual(['#define GUEST_CPU_INTERFACE 0']);
  const boards = await Promise.all(boardNames().map(loadBoard));
  const wanted = boards.flatMap(({ guest }) =>
    guest.gic.version === 2 ? [guest.gic.cpuInterface?.base] : [],
  );
  const known = boards.map(cpuInterface).flatMap(({ GUEST_CPU_INTERFACE: base }) => base ?? []);
  expect(known.map(BigInt)).toEqual(wanted);
  expect(wanted.length).toBeGreaterThan(1);
});
