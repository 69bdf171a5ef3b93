// SPDX-License-Identifier: BSD-2-Clause
// A guest that resets itself in the middle of a transfer: its peer is told, it boots again, and the socket works as before.
import { copyFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  copyPackage,
  type Ended,
  needQemu,
  needSim,
  packageRoot,
  processesIn,
  scratch,
  scriptedQemu,
  vmbuild,
} from './program.ts';

const minutes = 60_000;

it('a guest on seL4 that resets in the middle of a transfer comes up again, and its peer is told', {
  timeout: 14 * minutes,
}, async (ctx) => {
  await needQemu(ctx);
  const buildDir = scratch();
  const run = await vmbuild(
    ['qemu', '--guest', 'debian', '--expect', '--timeout', '700', '--build-dir', buildDir],
    { root: withRebootingGuests() },
  );
  expectSecondLife(run);
  expect(run.stderr).toMatch(/CLIENT_VMM0\|INFO: guest reset/);
  expect(run.stderr).not.toMatch(/faulting PD|Failed assertion/);
  expect(run.stdout).toMatch(/^verified: 32768 bytes/);
  expect(processesIn(buildDir)).toEqual([]);
});

it('so does one under sim, where QEMU resets it', { timeout: 10 * minutes }, async (ctx) => {
  await needSim(ctx);
  const buildDir = scratch();
  const run = await vmbuild(
    ['sim', '--guest', 'debian', '--expect', '--timeout', '500', '--build-dir', buildDir],
    { root: withRebootingGuests(), env: { PATH: `${await resettingQemu()}:${process.env['PATH'] ?? ''}` } },
  );
  expectSecondLife(run);
  expect(run.stdout).toMatch(/^verified \(sim/m);
  expect(processesIn(buildDir)).toEqual([]);
});

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

/** A directory with a QEMU for which a reset is not the end, as it is for sim's. */
const resettingQemu = (): Promise<string> =>
  scriptedQemu(
    (real) =>
      `#!/bin/bash\nfor word in "$@"; do [ "$word" = -no-reboot ] || words+=("$word"); done\nexec ${real} "\${words[@]}"\n`,
  );

function expectSecondLife({ code, stderr }: Ended): void {
  expect(stderr.match(/client_linux0\| REBOOT: a life begins/g)).toHaveLength(2);
  expect(stderr).toContain('client_linux0| REBOOT: resetting in the middle of a transfer');
  expect(stderr).toMatch(
    /client_linux1\| REBOOT: the connection ended after bytes [1-9]\d+ (ECONNRESET|EPIPE) /,
  );
  expect(stderr).toMatch(/client_linux1\| REBOOT: the peer is back/);
  expect(stderr).toMatch(/client_linux0\| vsock recv: peer=4 .* verified/);
  expect(stderr).toMatch(/client_linux1\| vsock send: peer=3 .* verified/);
  expect(stderr).not.toContain('still here');
  expect(code).toBe(0);
}
