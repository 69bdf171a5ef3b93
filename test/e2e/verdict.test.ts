// SPDX-License-Identifier: BSD-2-Clause
// The verdict cannot be fooled: vmbuild's own sources are changed for the worse, the image is built from them, and the
// real run must not pass.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadImageInputs } from '../../cli/image.ts';
import { settle } from '../../cli/options.ts';
import { formatNonce } from '../../linux/bootargs.ts';
import { fetchDebianGuest } from '../../linux/debian.ts';
import { runSteps } from '../../make/engine.ts';
import { launchQemu } from '../../make/launch/qemu.ts';
import { partiesOf } from '../../make/launch/verdict.ts';
import { cacheDir } from '../../make/store/cache.ts';
import { findTools } from '../../make/tools/find.ts';
import { findMachine } from '../../make/tools/qemu-machine.ts';
import { qemuArguments } from '../../make/tools/qemu.ts';
import { planImage } from '../../Makefile.ts';
import { Refusal } from '../../meta/diagnostic.ts';
import { copyPackage, type Ended, mutate, needQemu, scratch, vmbuild } from './program.ts';

const minutes = 60_000;

const runIn = (root: string, timeoutSeconds: number): Promise<Ended> =>
  vmbuild(['qemu', '--expect', '--timeout', String(timeoutSeconds), '--build-dir', scratch()], { root });

it('a byte flipped in the ring copy gives 1', { timeout: 12 * minutes }, async (ctx) => {
  await needQemu(ctx);
  const root = copyPackage();
  const copy = 'copy_payload(ring->own->data + position, from, part);';
  // Only where payload is copied; a header of the device's own would be refused before the guest sees it.
  mutate(
    join(root, 'vmm/vsock/ring.c'),
    copy,
    `${copy} if (part > 1000) ring->own->data[position + 999] ^= 0x10;`,
  );
  const run = await runIn(root, 600);
  expect(run.stderr).toMatch(
    /error\[RUN111\]: the receiver 'client_linux0' \(CID 3\) failed: number \d+ is \d+, expected \d+/,
  );
  expect(run.stdout).toBe('');
  expect(run.code).toBe(1);
});

it('a dropped notification gives 124', { timeout: 12 * minutes }, async (ctx) => {
  await needQemu(ctx);
  const root = copyPackage();
  mutate(join(root, 'vmm/libvmm/vsock_seat.c'), 'microkit_notify(', '(void)(');
  const run = await runIn(root, 100);
  expect(run.stderr).toMatch(/error\[RUN124\]: after 100 s, the deadline, /);
  expect(run.stdout).toBe('');
  expect(run.code).toBe(124);
});

it('a receiver that gets its data over loopback gives 1', { timeout: 12 * minutes }, async (ctx) => {
  await needQemu(ctx);
  const root = copyPackage();
  const init = join(root, 'linux/programs/init.c');
  // The receiver's guest runs a sender of its own, its receiver takes anybody, and the real sender keeps out of the way.
  mutate(
    init,
    'if (boot_word(environment, programs[i].word) == NULL)\n            continue;',
    'if (boot_word(environment, programs[i].word) == NULL) {' +
      ' if (i == 0) sleep_ms(3600 * 1000);' +
      ' char *own[] = { (char *)"vsock_send=3", NULL };' +
      ' (void)spawn(programs[1].path, (char *[]){ (char *)programs[1].path, NULL }, own, NO_TERMINAL);' +
      ' continue; }',
  );
  mutate(join(root, 'linux/programs/vsock_send.c'), '"vsock send: "', '"a sender that keeps quiet: "');
  mutate(join(root, 'linux/programs/vsock_recv.c'), 'if (peer.cid != receiver.peer) {', 'if (0) {');

  const buildDir = scratch();
  const signal = AbortSignal.timeout(10 * minutes);
  const settings = settle({ 'build-dir': buildDir, quiet: true }, process.env);
  const inputs = await loadImageInputs({ settings, env: process.env, signal });
  const { loopbackModules } = await fetchDebianGuest({
    cacheDir: cacheDir(process.env),
    offline: true,
    signal,
  });
  const images = { ...inputs.images, modules: [...inputs.images.modules, ...loopbackModules] };
  await runSteps(planImage({ ...inputs, images, programs: join(root, 'linux/programs') }), {
    buildDir,
    signal,
  });

  const { 'qemu-system-aarch64': qemu } = await findTools(['qemu-system-aarch64'], process.env);
  const machine = inputs.board.qemu;
  assert(machine !== undefined);
  const run = launchQemu({
    qemu: qemu.path,
    args: qemuArguments(machine, {
      image: join(buildDir, 'loader.img'),
      loadAddress: inputs.board.loadAddress,
      cpu: inputs.board.cpu,
      dtb: join(buildDir, 'board.dtb'),
      properties: await findMachine(qemu, machine.machine),
    }),
    logDir: join(buildDir, 'logs'),
    guests: ['client_linux0', 'client_linux1'],
    pds: ['CLIENT_VMM0', 'CLIENT_VMM1'],
    deadlineMs: 8 * minutes,
    expect: { verdict: { nonce: formatNonce(inputs.nonce), parties: partiesOf(inputs.system.guests) } },
    signal,
  });
  const refusal = await run.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert(refusal instanceof Refusal);
  expect(refusal.exit).toBe(1);
  expect(refusal.message).toMatch(/the receiver 'client_linux0' \(CID 3\) reported peer [13], expected is 4/);
});
