// SPDX-License-Identifier: BSD-2-Clause
// Linux's own vsock_test between two guests of `sim`, by the command that people run.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, type TestContext } from 'vitest';
import { cacheDir } from '../../make/store/cache.ts';
import { fetchDebianGuest } from '../../linux/debian.ts';
import { Refusal } from '../../meta/diagnostic.ts';
import { loadVsockTest } from '../peers/vsock-test-source.ts';
import { requireOrSkip } from '../require.ts';
import { copyPackage, mutate, needSim, packageRoot, processesIn, runScript } from './program.ts';

const minutes = 60_000;

const vsockTest = (root: string, words: readonly string[]) =>
  runScript('test/peers/run.mjs', ['vsock-test', ...words], { root });

it('what passes over the loopback passes between guests, both ways', {
  timeout: 20 * minutes,
}, async (ctx) => {
  await needSuite(ctx);
  const { code, stdout, stderr } = await vsockTest(packageRoot, ['--on', 'sim']);
  expect(code, stdout + stderr).toBe(0);
  const ways = [...stdout.matchAll(/^vsock_test: (\d+) of (\d+) expected passed: /gm)];
  const [loopback, ...between] = ways.map(([, passed, expected]) => ({ passed, expected }));
  // Of 26 in the suite of Linux 6.12, the smallest of Debian's.
  expect(Number(loopback?.passed)).toBeGreaterThan(20);
  expect(between).toEqual([1, 2].map(() => ({ passed: loopback?.passed, expected: loopback?.passed })));
  expect(processesIn(join(packageRoot, 'build', 'peers', 'vsock-test-sim'))).toEqual([]);
});

it('names the test that a defect of the device fails', { timeout: 12 * minutes }, async (ctx) => {
  await needSuite(ctx);
  const root = copyPackage();
  for (const part of ['meta', 'make', 'cli', 'bench', 'Makefile.ts'])
    cpSync(join(packageRoot, part), join(root, part), { recursive: true });
  cpSync(join(packageRoot, 'test', 'peers'), join(root, 'test', 'peers'), { recursive: true });
  // The end of a message is lost.
  mutate(join(root, 'vmm/vsock/packet.c'), 'if (!last) {', 'if (!last || true) {');
  const { code, stdout, stderr } = await vsockTest(root, ['--on', 'sim', '--tests', '5,6,16']);
  expect(stdout, stderr).toMatch(
    /^vsock_test: 3 of 3 expected passed: the kernel's own loopback.*\n {2}skipped: .*\nvsock_test: 2 of 3 .*\n {2}failed: 6 SOCK_SEQPACKET msg bounds\nvsock_test: 2 of 3 .*\n {2}failed: 6 SOCK_SEQPACKET msg bounds\n$/m,
  );
  expect(code).toBe(1);
  expect(processesIn(root)).toEqual([]);
});

/** Skips, visibly, where the suite can neither be had nor made. */
async function needSuite(ctx: TestContext): Promise<void> {
  await needSim(ctx);
  const signal = AbortSignal.timeout(5 * minutes);
  const reason = await fetchDebianGuest({ cacheDir: cacheDir(process.env), offline: false, signal })
    .then((guest) => loadVsockTest({ release: guest.kernel.version, signal, onNews: () => undefined }))
    .then(
      () => '',
      (error: unknown) => {
        if (!(error instanceof Refusal) || error.diagnostics.some(({ code }) => code === 'PEER101'))
          throw error;
        return error.diagnostics.map(({ message }) => message).join('; ');
      },
    );
  requireOrSkip(ctx, 'network', reason === '', reason);
}
