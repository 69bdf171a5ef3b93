// SPDX-License-Identifier: BSD-2-Clause
// The main job on the real thing: image built by the real SDK, two Debian guests on seL4 in QEMU, 32 KiB verified.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import { hashPayload, makePayload } from '../../make/launch/payload.ts';
import { needQemu, processesIn, scratch, vmbuild } from './program.ts';

const minutes = 60_000;

describe.each(['debug', 'release'])('qemu --expect, %s', (config) => {
  it('ends verified, with both guests agreeing on what the nonce says', {
    timeout: 12 * minutes,
  }, async (ctx) => {
    await needQemu(ctx, config);
    const buildDir = scratch();
    const picture = join(scratch(), 'log.svg');
    const args = ['--config', config, '--build-dir', buildDir, '--timeout', '600', '--save-svg', picture];
    const run = await vmbuild(['qemu', '--guest', 'debian', '--expect', ...args]);
    expect(run.stderr).toMatch(/client_linux0\| vsock recv: peer=4 .* verified/);
    expect(run.stderr).toMatch(/client_linux1\| vsock send: peer=3 .* verified/);
    expect(run.code).toBe(0);

    const nonce = /nonce=([0-9a-f]{16})/.exec(run.stderr)?.[1] ?? '';
    expect(run.stdout).toContain(`verified: 32768 bytes, hash ${hashPayload(makePayload(nonce))}`);
    expect(readFileSync(join(buildDir, 'logs', 'client_linux0.log'), 'utf8')).toContain(
      'VSOCK RECV|INFO: All is well in the universe',
    );
    const svg = readFileSync(picture, 'utf8');
    expect(XMLValidator.validate(svg)).toBe(true);
    expect(svg).toMatch(/class="c0 name"[^>]*>client_linux0\|/);
    expect(svg.match(/ nonce=[0-9a-f]{16} verified<\/text>/g)).toHaveLength(2);
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
