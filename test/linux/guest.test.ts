// SPDX-License-Identifier: BSD-2-Clause
// The guest side's steps, run by the real engine with the real tools: what they make, what runs again, what they refuse.
import { Buffer } from 'node:buffer';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { renderCpio } from '../../linux/cpio.ts';
import { type GuestPlan, guestSteps } from '../../linux/guest.ts';
import { inspectInitrd } from '../../linux/initrd.ts';
import { runSteps } from '../../make/engine.ts';
import { Refusal } from '../../meta/diagnostic.ts';
import { gpaWindow } from '../../meta/units.ts';
import { requireOrSkip } from '../require.ts';
import { makeImage } from './kernels.ts';
import { testLayout } from './layout.ts';
import { findClangs, findTool } from './toolchain.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), `vmbuild it's "a" guest `));
  await writeFile(join(dir, 'Image'), makeImage());
  await writeFile(join(dir, 'vsock.ko'), 'not loaded here');
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function planIn(ctx: Parameters<typeof requireOrSkip>[0], more: Partial<GuestPlan> = {}): GuestPlan {
  const found = findClangs()[0];
  const dtc = findTool('dtc');
  requireOrSkip(ctx, 'clang', found !== undefined, 'no clang with ld.lld');
  requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
  return {
    machines: [
      { name: 'client_vmm0', layout: testLayout, orders: { recvFrom: 4, nonce: 1n } },
      { name: 'client_vmm1', layout: testLayout, orders: { sendTo: 3, nonce: 1n } },
    ],
    images: {
      kernel: { path: join(dir, 'Image'), release: '7.3.4' },
      modules: [{ name: 'vsock', path: join(dir, 'vsock.ko') }],
    },
    programsDir: join(import.meta.dirname, '../../linux/programs'),
    clang: found?.clang ?? '',
    lld: found?.lld ?? '',
    dtc: dtc ?? '',
    outDir: 'guest',
    ...more,
  };
}

const build = (plan: GuestPlan) =>
  runSteps(guestSteps(plan).steps, { buildDir: join(dir, 'build'), jobs: 2 });
const built = (name: string): Promise<Buffer> => readFile(join(dir, 'build/guest', name));

describe('guest steps', () => {
  test('make an initramfs, a device tree per machine and the fit, and then nothing again', async (ctx) => {
    const plan = planIn(ctx);
    const first = await build(plan);
    expect(first.ran).toHaveLength(3 + 1 + 2 * 3);
    expect(
      inspectInitrd(await built('initrd.cpio.gz'), 'x').initrd?.members?.map(({ path }) => path),
    ).toContain('modules/vsock.ko');
    expect((await built('client_vmm1.dtb')).toString('latin1')).toContain('vsock_send=3 vsock_nonce=');
    expect((await built('client_vmm0.fit')).toString()).toMatch(
      /^kernel 2097152 of 117440512 bytes in \[0x40000000\.\.0x47000000\)\ninitrd \d+ of 15728640 bytes in .*\ndtb \d+ of 1048576 bytes in .*\n$/,
    );
    expect((await build(plan)).ran).toEqual([]);
  });

  test('a new nonce touches device trees only, a new module the initramfs only', async (ctx) => {
    const plan = planIn(ctx);
    await build(plan);
    const machines = plan.machines.map((one) => ({ ...one, orders: { ...one.orders, nonce: 2n } }));
    const ran = (await build({ ...plan, machines })).ran;
    expect(ran.toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'dtc guest/client_vmm0.dtb',
      'dtc guest/client_vmm1.dtb',
      'guest fit client_vmm0',
      'guest fit client_vmm1',
      'write guest/client_vmm0.dts',
      'write guest/client_vmm1.dts',
    ]);
    await writeFile(join(dir, 'vsock.ko'), 'another');
    const again = (await build({ ...plan, machines })).ran;
    expect(again.toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'guest fit client_vmm0',
      'guest fit client_vmm1',
      'guest initramfs',
    ]);
  });

  test('a touched header of the programs compiles those that include it', async (ctx) => {
    const programsDir = join(dir, 'programs');
    await mkdir(programsDir);
    const plan = planIn(ctx, { programsDir });
    const names =
      'init.c vsock_send.c vsock_recv.c system.h line.h boot_words.h transfer.h vsock.h S99vsock'.split(' ');
    for (const name of names)
      await writeFile(
        join(programsDir, name),
        await readFile(join(import.meta.dirname, '../../linux/programs', name)),
      );
    await build(plan);
    const header = join(programsDir, 'transfer.h');
    await writeFile(header, `${await readFile(header, 'utf8')}\n// touched\n`);
    const { ran } = await build(plan);
    // Only a comment changed, so the programs come out the same and nothing after them runs.
    expect(ran.toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'guest program vsock_recv',
      'guest program vsock_send',
    ]);
  });

  test('the same bytes in another directory', async (ctx) => {
    const plan = planIn(ctx);
    await build(plan);
    const elsewhere = await mkdtemp(join(tmpdir(), 'vmbuild-other-'));
    await runSteps(guestSteps(plan).steps, { buildDir: elsewhere, jobs: 1 });
    for (const name of [
      'init',
      'vsock_send',
      'vsock_recv',
      'initrd.cpio.gz',
      'client_vmm0.dtb',
      'client_vmm0.fit',
    ])
      expect((await built(name)).equals(await readFile(join(elsewhere, 'guest', name))), name).toBe(true);
    await rm(elsewhere, { recursive: true });
  });

  test('the shell comes with its busybox, and only then', async (ctx) => {
    await writeFile(join(dir, 'busybox'), 'busybox');
    const plan = planIn(ctx);
    const images = { ...plan.images, busybox: join(dir, 'busybox') };
    const paths = async () =>
      inspectInitrd(await built('initrd.cpio.gz'), 'x').initrd?.members?.map(({ path }) => path) ?? [];
    await build({ ...plan, images });
    expect(await paths()).not.toContain('bin/busybox');
    const machines = plan.machines.map((one) => ({
      ...one,
      orders: { ...one.orders, after: 'shell' as const },
    }));
    await build({ ...plan, images, machines });
    expect(await paths()).toContain('bin/busybox');
    expect((await built('client_vmm0.dtb')).toString('latin1')).toContain('vsock_after=shell');
  });

  test('a given initrd keeps its bytes; with a modular kernel our PID 1 goes first', async (ctx) => {
    const initrd = renderCpio([{ kind: 'file', path: 'init', mode: 0o755, bytes: Buffer.from('theirs') }]);
    await writeFile(join(dir, 'rootfs.cpio'), initrd);
    const plan = planIn(ctx);
    const images = { ...plan.images, initrd: join(dir, 'rootfs.cpio') };
    await build({ ...plan, images });
    const both = await built('initrd.cpio.gz');
    expect(both.subarray(0, initrd.length).equals(initrd)).toBe(true);
    expect(
      inspectInitrd(both.subarray(initrd.length), 'x').initrd?.members?.map(({ path }) => path),
    ).toContain('vsock_init');
    expect((await built('client_vmm0.dtb')).toString('latin1')).toContain('rdinit=/vsock_init');

    await build({ ...plan, images: { ...images, modules: [] } });
    const plain = (await built('initrd.cpio.gz')).subarray(initrd.length);
    expect(inspectInitrd(plain, 'x').initrd?.members?.map(({ path }) => path)).not.toContain('vsock_init');
    expect((await built('client_vmm0.dtb')).toString('latin1')).not.toContain('rdinit');
  });

  test('fit fails with all that does not fit, and leaves no output', async (ctx) => {
    await writeFile(join(dir, 'Image'), makeImage({ imageSize: 0x700_1000n }));
    const layout = {
      ...testLayout,
      initrd: gpaWindow(0x4700_0000, 0x4700_0100),
      dtb: gpaWindow(0x47f0_0000, 0x47f0_0010),
    };
    const plan = planIn(ctx);
    const machines = plan.machines.slice(0, 1).map((one) => ({ ...one, layout }));
    const error: unknown = await build({ ...plan, machines }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Refusal);
    const codes = (error as Refusal).diagnostics.map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining(['KERN120', 'INIT120', 'GST120']));
    await expect(built('client_vmm0.fit')).rejects.toThrow('ENOENT');
  });

  test('a kernel that changed into something else is refused when it is built in', async (ctx) => {
    await writeFile(join(dir, 'Image'), Buffer.from('1f8b0800', 'hex'));
    await expect(build(planIn(ctx))).rejects.toThrow(/KERN102/);
  });
});
