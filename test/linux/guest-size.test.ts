// SPDX-License-Identifier: BSD-2-Clause
// The estimate of a guest's files against the files: Debian's, where it is here.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { estimateGuestBytes } from '../../linux/guest-size.ts';
import { packInitramfs } from '../../linux/initramfs.ts';
import { scratchDir } from '../make/scratch.ts';
import { requireOrSkip } from '../require.ts';
import { loadDebianGuest } from './debian-guest.ts';

test('files that are given count whole, what is packed counts half', async () => {
  const dir = scratchDir();
  const file = async (name: string, size: number) => {
    await writeFile(join(dir, name), Buffer.alloc(size));
    return join(dir, name);
  };
  const kernel = { path: await file('Image', 1_000_000), release: undefined };
  const modules = [{ name: 'vsock', path: await file('vsock.ko', 10_000) }];
  const own = await estimateGuestBytes({ kernel, modules, busybox: await file('busybox', 100_000) });
  const none = await estimateGuestBytes({ kernel, modules: [] });
  const given = await estimateGuestBytes({
    kernel,
    modules,
    initrd: await file('rootfs', 700_000),
    busybox: join(dir, 'not read: a given initrd has its own'),
  });
  expect(own - none).toBe(55_000n);
  expect(given - none).toBe(705_000n);
  expect(none).toBeGreaterThan(1_000_000n);
  expect(none).toBeLessThan(1_100_000n);
});

test("Debian's initrd comes within a tenth", async (ctx) => {
  const guest = await loadDebianGuest();
  requireOrSkip(ctx, 'guest-images', typeof guest !== 'string', typeof guest === 'string' ? guest : '');
  if (typeof guest === 'string') return;
  const { kernel, modules, busybox } = guest;
  const images = { kernel: { path: kernel.path, release: undefined }, modules, busybox: busybox.path };
  const packed = packInitramfs({
    init: Buffer.alloc(0),
    programs: [],
    modules: await Promise.all(
      modules.map(async ({ name, path }) => ({ name: `${name}.ko`, bytes: await readFile(path) })),
    ),
    busybox: await readFile(busybox.path),
  });
  const estimate = Number(await estimateGuestBytes(images)) - (await readFile(kernel.path)).length;
  expect(Math.abs(estimate / packed.length - 1)).toBeLessThan(0.1);
});
