// SPDX-License-Identifier: BSD-2-Clause
// The main job on the real thing: image built by the real SDK, two Debian guests on seL4 in QEMU, 32 KiB verified.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import { boardNames, loadBoard } from '../../boards/index.ts';
import { loadImageInputs } from '../../cli/image.ts';
import { settle } from '../../cli/options.ts';
import { estimateGuestBytes } from '../../linux/guest-size.ts';
import { addUpMemory } from '../../make/image-memory.ts';
import { hashPayload, makePayload } from '../../make/launch/payload.ts';
import { needQemu, processesIn, scratch, vmbuild } from './program.ts';

const minutes = 60_000;

const boards = await Promise.all(boardNames().map(loadBoard));
const emulated = boards.filter(({ qemu }) => qemu !== undefined).map(({ name }) => name);

it('more than one board boots in QEMU', () => {
  expect(emulated).toEqual(['qemu_virt_aarch64', 'zcu102']);
});

const runs = emulated.flatMap((board) => ['debug', 'release'].map((config) => ({ board, config })));

describe.each(runs)('qemu --board $board --config $config --expect', ({ board, config }) => {
  it('ends verified, with both guests agreeing on what the nonce says', {
    timeout: 12 * minutes,
  }, async (ctx) => {
    await needQemu(ctx, config, board);
    const buildDir = scratch();
    const picture = join(scratch(), 'log.svg');
    const args = ['--board', board, '--config', config, '--build-dir', buildDir, '--timeout', '600'];
    const run = await vmbuild(['qemu', '--guest', 'debian', '--expect', '--save-svg', picture, ...args]);
    expect(run.stderr).toMatch(/client_linux0\| vsock recv: peer=4 .* verified/);
    expect(run.stderr).toMatch(/client_linux1\| vsock send: peer=3 .* verified/);
    expect(run.code).toBe(0);

    const nonce = /nonce=([0-9a-f]{16})/.exec(run.stderr)?.[1] ?? '';
    expect(run.stdout).toMatch(/^verified: 32768 bytes in \d+\.\d ms \(\d+\.\d+ MiB\/s\), hash /);
    expect(run.stdout).toContain(`hash ${hashPayload(makePayload(nonce))}, both guests agree`);
    expect(readFileSync(join(buildDir, 'logs', 'client_linux0.log'), 'utf8')).toContain(
      'VSOCK RECV|INFO: All is well in the universe',
    );
    const svg = readFileSync(picture, 'utf8');
    expect(XMLValidator.validate(svg)).toBe(true);
    expect(svg).toMatch(/class="c0 name"[^>]*>client_linux0\|/);
    expect(svg.match(/ nonce=[0-9a-f]{16} us=\d+ verified<\/text>/g)).toHaveLength(2);
    expect(svg).toContain(`>${run.stdout.trimEnd()}</text>`);
    expect(processesIn(buildDir)).toEqual([]);
  });
});

it('a guest that powers off leaves the other one running', { timeout: 12 * minutes }, async (ctx) => {
  await needQemu(ctx);
  const buildDir = scratch();
  const run = await vmbuild([
    'qemu',
    '--build-dir',
    buildDir,
    '--timeout',
    '600',
    '--append',
    'vsock_after=poweroff',
    // The VMM says so after both verdicts: PSCI was seen, and nobody trapped.
    '--expect',
    String.raw`CLIENT_VMM0\|INFO: guest stopped`,
  ]);
  expect(run.code).toBe(0);
  expect(run.stderr).toMatch(/vsock recv: .* verified/);
  expect(run.stderr).not.toMatch(/faulting PD|Failed assertion/);
});

it('three guests pass a ring of transfers, in as much memory as was estimated', {
  timeout: 14 * minutes,
}, async (ctx) => {
  await needQemu(ctx);
  const buildDir = scratch();
  const args = ['--vms', '3', '--build-dir', buildDir, '--timeout', '700', '--json', '-v'];
  const run = await vmbuild(['qemu', '--expect', ...args]);
  for (const [guest, from, to] of [
    [0, 4, 5],
    [1, 5, 3],
    [2, 3, 4],
  ]) {
    expect(run.stderr).toMatch(new RegExp(`client_linux${guest}\\| vsock recv: peer=${from} .* verified`));
    expect(run.stderr).toMatch(new RegExp(`client_linux${guest}\\| vsock send: peer=${to} .* verified`));
  }
  const end = JSON.parse(run.stdout) as Record<string, unknown>;
  const transfer = (from: number, to: number): unknown => ({
    from: `client_linux${from}`,
    to: `client_linux${to}`,
    bytes: 32768,
    durationUs: expect.any(Number),
  });
  expect(end['kind']).toBe('verified');
  expect(end['transfers']).toEqual([transfer(0, 2), transfer(1, 0), transfer(2, 1)]);
  expect(run.code).toBe(0);
  expect(processesIn(buildDir)).toEqual([]);

  const told = Number(/INITIAL TASK: memory size = ([\d.]+) MiB/.exec(run.stderr)?.[1]);
  const estimate = await estimateImageMib(buildDir);
  expect(estimate / told).toBeGreaterThan(0.99);
  expect(estimate / told).toBeLessThan(1.01);
});

/** What vmbuild thinks, before it builds, that the initial task of three guests will take. */
async function estimateImageMib(buildDir: string): Promise<number> {
  const settings = settle({ 'build-dir': buildDir, vms: 3, quiet: true }, process.env);
  const inputs = await loadImageInputs({ settings, env: process.env, signal: AbortSignal.timeout(minutes) });
  const { imageBytes } = addUpMemory({
    sdk: inputs.sdk,
    loadAddress: inputs.board.loadAddress,
    system: inputs.system.system,
    guestFilesBytes: await estimateGuestBytes(inputs.images),
  });
  return Number(imageBytes) / 2 ** 20;
}
