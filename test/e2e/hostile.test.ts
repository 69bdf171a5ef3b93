// SPDX-License-Identifier: BSD-2-Clause
// A guest that attacks its VMM, on the real seL4: what it may do it survives, what cannot be emulated stops it alone, and
// the other guest goes on.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { copyPackage, needQemu, packageRoot, scratch, vmbuild } from './program.ts';

const minutes = 60_000;

it('a guest that attacks its VMM stops nobody but itself', { timeout: 12 * minutes }, async (ctx) => {
  await needQemu(ctx);
  const root = copyPackage();
  copyFileSync(join(packageRoot, 'test/e2e/hostile_guest.c'), join(root, 'linux/programs/vsock_recv.c'));
  const args = ['--guest', 'debian', '--timeout', '400', '--build-dir', scratch()];
  const run = await vmbuild(
    // The sender still asks for its receiver, long after that has been stopped.
    ['qemu', ...args, '--append', 'iomem=relaxed', '--expect', 'no receiver yet after 400 attempts'],
    { root },
  );
  expect(run.stderr).toMatch(/client_linux0\| HOSTILE: survived/);
  expect(run.stderr).toMatch(/CLIENT_VMM0\|ERROR .*guest stopped at PC .* address 0x8000100/);
  expect(run.stderr).not.toMatch(/HOSTILE: not stopped|faulting PD|Failed assertion/);
  expect(run.code).toBe(0);
});
