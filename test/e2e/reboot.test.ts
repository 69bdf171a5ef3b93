// SPDX-License-Identifier: BSD-2-Clause
// A guest that resets itself in the middle of a transfer: its peer is told, it boots again, and the socket works as before.
import { copyFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { copyPackage, needQemu, packageRoot, processesIn, scratch, vmbuild } from './program.ts';

const minutes = 60_000;

/** A copy of vmbuild whose guests run the programs of test/e2e/rebooting_*.c. */
function withRebootingGuests(): string {
  const root = copyPackage();
  for (const end of ['recv', 'send']) {
    const program = join(root, `linux/programs/vsock_${end}.c`);
    renameSync(program, join(root, `linux/programs/whole_${end}.c`));
    copyFileSync(join(packageRoot, `test/e2e/rebooting_${end}.c`), program);
  }
  return root;
}

it('a guest that resets in the middle of a transfer comes up again, and its peer is told', {
  timeout: 14 * minutes,
}, async (ctx) => {
  await needQemu(ctx);
  const buildDir = scratch();
  const run = await vmbuild(
    ['qemu', '--guest', 'debian', '--expect', '--timeout', '700', '--build-dir', buildDir],
    { root: withRebootingGuests() },
  );
  expect(run.stderr.match(/client_linux0\| REBOOT: a life begins/g)).toHaveLength(2);
  expect(run.stderr).toContain('client_linux0| REBOOT: resetting in the middle of a transfer');
  expect(run.stderr).toMatch(/CLIENT_VMM0\|INFO: guest reset/);
  expect(run.stderr).toMatch(
    /client_linux1\| REBOOT: the connection ended after bytes [1-9]\d+ (ECONNRESET|EPIPE) /,
  );
  expect(run.stderr).toMatch(/client_linux1\| REBOOT: the peer is back/);
  expect(run.stderr).toMatch(/client_linux0\| vsock recv: peer=4 .* verified/);
  expect(run.stderr).toMatch(/client_linux1\| vsock send: peer=3 .* verified/);
  expect(run.stderr).not.toMatch(/faulting PD|Failed assertion|still here/);
  expect(run.stdout).toMatch(/^verified: 32768 bytes/);
  expect(run.code).toBe(0);
  expect(processesIn(buildDir)).toEqual([]);
});
