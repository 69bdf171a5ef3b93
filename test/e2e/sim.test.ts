// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild sim` for real: two or three Debian guests under QEMU, the back end between them, and what becomes of a run
// whose parts are killed or broken on purpose.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hashPayload, makePayload } from '../../make/launch/payload.ts';
import {
  copyPackage,
  type Ended,
  killIn,
  mutate,
  needSim,
  packageRoot,
  processesIn,
  scratch,
  scriptedQemu,
  vmbuild,
} from './program.ts';

const minutes = 60_000;
const lastLine = 'verified (sim: no seL4, no Microkit)';

const sim = (buildDir: string, more: readonly string[] = [], options: Parameters<typeof vmbuild>[1] = {}) =>
  vmbuild(['sim', '--timeout', '300', '--build-dir', buildDir, ...more], options);

it('ends verified; a second run builds, packs and downloads nothing', {
  timeout: 12 * minutes,
}, async (ctx) => {
  await needSim(ctx);
  const buildDir = scratch();
  const first = await sim(buildDir, ['--expect']);
  expect(first.code, first.stderr).toBe(0);
  const nonce = /nonce=([0-9a-f]{16})/.exec(first.stderr)?.[1] ?? '';
  expect(first.stdout).toMatch(
    new RegExp(
      `^32768 bytes in .* ms \\(.* MiB/s\\), hash ${hashPayload(makePayload(nonce))}, both guests agree`,
    ),
  );
  expect(first.stdout.trimEnd().split('\n').at(-1)).toBe(lastLine);
  expect(first.stderr).toContain('client_linux0| VSOCK RECV|INFO: All is well in the universe');
  expect(readFileSync(join(buildDir, 'logs', 'client_linux1.log'), 'utf8')).toMatch(
    /^vsock send: .* verified$/m,
  );

  const second = await sim(buildDir, ['--offline', '-v', '--json']);
  expect(second.code, second.stderr).toBe(0);
  expect(second.stderr).not.toMatch(/^run /m);
  const summary = JSON.parse(second.stdout) as Record<string, unknown>;
  expect(summary).toMatchObject({ version: 1, sim: true, kind: 'verified', bytes: 32768 });
  // Each run has a nonce of its own, so nothing of an earlier one can pass for it.
  expect(second.stderr).not.toContain(`nonce=${nonce}`);
  expect(processesIn(buildDir)).toEqual([]);
});

it('three guests pass a ring of transfers, and Wireshark can read them', {
  timeout: 12 * minutes,
}, async (ctx) => {
  await needSim(ctx);
  const buildDir = scratch();
  const pcap = join(buildDir, 'sockets.pcap');
  const run = await sim(buildDir, ['--vms', '3', '--pcap', pcap]);
  expect(run.code, run.stderr).toBe(0);
  expect(run.stdout).toContain('3 transfers of 32768 bytes');
  for (const pair of [
    'client_linux0 to client_linux2',
    'client_linux1 to client_linux0',
    'client_linux2 to client_linux1',
  ])
    expect(run.stdout).toContain(pair);
  expect(run.stdout.trimEnd().split('\n').at(-1)).toBe(lastLine);
  expect(payloadsOf(readFileSync(pcap))).toEqual({
    '3>5': 32768,
    '4>3': 32768,
    '5>4': 32768,
    '5>3': 8,
    '3>4': 8,
    '4>5': 8,
  });
});

/** Payload bytes per direction: pcap with nanoseconds, link type VSOCK, vsockmon's header of 32 bytes, virtio's of 44. */
function payloadsOf(file: Buffer): Record<string, number> {
  expect([file.readUInt32LE(0), file.readUInt32LE(20)]).toEqual([0xa1b23c4d, 271]);
  const sums: Record<string, number> = {};
  for (let at = 24; at < file.length; ) {
    const length = file.readUInt32LE(at + 8);
    const packet = file.subarray(at + 16, at + 16 + length);
    const way = `${packet.readBigUInt64LE(0)}>${packet.readBigUInt64LE(8)}`;
    const isPayload = packet.readUInt16LE(24) === 4;
    if (isPayload) sums[way] = (sums[way] ?? 0) + length - 32 - 44;
    at += 16 + length;
  }
  return sums;
}

describe('a part that dies in mid-transfer', () => {
  /** The sender sends one half, and then waits for whatever comes. */
  function withPause(): string {
    const root = copyPackage();
    mutate(
      join(root, 'linux/programs/transfer.h'),
      'transfer.outcome = write_exactly(fd, payload, PAYLOAD_SIZE, &transfer.offset, &transfer.detail);',
      'transfer.outcome = write_exactly(fd, payload, PAYLOAD_SIZE / 2, &transfer.offset, &transfer.detail);' +
        ' (void)wait_until(fd, POLLIN, clock_ms() + 300 * 1000);' +
        ' transfer.outcome = write_exactly(fd, payload + PAYLOAD_SIZE / 2, PAYLOAD_SIZE / 2, &transfer.offset, &transfer.detail);',
    );
    return root;
  }

  /** Kills the process once both guests are connected and half of the bytes are over. */
  async function killing(buildDir: string, pattern: RegExp): Promise<Ended> {
    let isDone = false;
    return sim(buildDir, [], {
      root: withPause(),
      onStderr: (text) => {
        if (isDone || !text.includes('sending 32768 bytes') || !text.includes('connected from port')) return;
        isDone = true;
        setTimeout(() => {
          killIn(buildDir, pattern);
        }, 500);
      },
    });
  }

  it.for([
    ['receiver', /qemu-system-aarch64 .*\/0 /, 'client_linux0', 3, 'sender'],
    ['sender', /qemu-system-aarch64 .*\/1 /, 'client_linux1', 4, 'receiver'],
  ] as const)(
    "the %s's QEMU: it is named, and the other one is told",
    { timeout: 12 * minutes },
    async ([, pattern, name, cid, survivor], ctx) => {
      await needSim(ctx);
      const buildDir = scratch();
      const run = await killing(buildDir, pattern);
      expect(run.code).toBe(1);
      expect(run.stderr).toContain(
        `error[SIM101]: guest '${name}' (CID ${cid}) is gone: its qemu-system-aarch64 was ended by SIGKILL`,
      );
      expect(run.stderr).toMatch(
        new RegExp(
          `error\\[RUN111\\]: the ${survivor} .* failed: (?:write EPIPE|write ECONNRESET|read ECONNRESET|the peer closed early)`,
        ),
      );
      expect(processesIn(buildDir)).toEqual([]);
    },
  );

  it('the back end', { timeout: 12 * minutes }, async (ctx) => {
    await needSim(ctx);
    const buildDir = scratch();
    const run = await killing(buildDir, /vsock-backend/);
    expect(run.stderr).toContain("error[SIM102]: the back end of the guests' sockets was ended by SIGKILL");
    expect(run.code).toBe(1);
    expect(processesIn(buildDir)).toEqual([]);
  });

  it('Ctrl-C: 130, and nothing is left', { timeout: 12 * minutes }, async (ctx) => {
    await needSim(ctx);
    const buildDir = scratch();
    const run = await sim(buildDir, [], {
      onStderr: (text, child) => {
        if (text.includes('driver is up')) child.kill('SIGINT');
      },
    });
    expect(run.signal).toBe('SIGINT');
    expect(processesIn(buildDir)).toEqual([]);
  });
});

describe('a device core that is broken on purpose does not pass', () => {
  const deadline = /connecting to CID 3[^]*error\[RUN124\]: after 45 s, the deadline, /;
  const breaks: readonly [
    what: string,
    file: string,
    find: string,
    replace: string,
    code: number,
    said: RegExp,
  ][] = [
    [
      'a byte flipped on its way',
      'vmm/vsock/ring.c',
      'copy_payload(ring->own->data + position, from, part);',
      'copy_payload(ring->own->data + position, from, part); if (part > 1000) ring->own->data[position + 999] ^= 0x10;',
      1,
      /error\[RUN111\]: the receiver .* failed: number \d+ is \d+, expected \d+/,
    ],
    [
      'peers that are not woken',
      'vmm/vsock/device.c',
      'device->ops->notify_peer(device->cookie, peer);',
      '',
      124,
      deadline,
    ],
    [
      'every connection refused',
      'vmm/vsock/tx.c',
      '!vsock_connections_add(&peer->connections, connection)',
      'vsock_connections_add(&peer->connections, connection)',
      124,
      deadline,
    ],
  ];

  it.for(breaks)('%s', { timeout: 12 * minutes }, async ([, file, find, replace, code, said], ctx) => {
    await needSim(ctx);
    const root = copyPackage();
    mutate(join(root, file), find, replace);
    const run = await vmbuild(['sim', '--timeout', '45', '--build-dir', scratch()], { root });
    expect(run.stderr).toMatch(said);
    expect(run.stdout).not.toContain('verified');
    expect(run.code).toBe(code);
  });
});

it('a QEMU without memory says so in its own words', { timeout: 5 * minutes }, async (ctx) => {
  await needSim(ctx);
  const directory = await scriptedQemu(
    (real) => `#!/bin/sh\n[ "$1" = --version ] || ulimit -v 400000\nexec '${real}' "$@"\n`,
  );
  const run = await sim(scratch(), ['--append', 'x'], {
    env: { PATH: `${directory}${delimiter}${process.env['PATH']}` },
  });
  expect(run.stderr).toMatch(/error\[SIM101\]: guest 'client_linux\d' .* is gone: its qemu-system-aarch64 /);
  expect(run.stderr).toMatch(/allocate memory/);
  expect(run.stderr).toContain('try: free some memory');
  expect(run.code).toBe(1);
});

it('--interactive gives a shell in a guest; its power-off is the end', {
  timeout: 12 * minutes,
}, async (ctx) => {
  await needSim(ctx);
  const buildDir = scratch();
  const args = ['sim', '--build-dir', buildDir, '--interactive', 'client_linux1', '-q'];
  const child = spawn(process.execPath, [join(packageRoot, 'dist', 'vmbuild.cjs'), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let seen = '';
  let step = 0;
  const answers: readonly [string, string][] = [
    ['verified', '\n'],
    ['# ', 'echo $((6 * 7)) vsock_$(cat /proc/cmdline | grep -c vsock_send)\n'],
    ['42 vsock_1', 'poweroff -f\n'],
  ];
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
    const [wanted, answer] = answers[step] ?? [];
    if (wanted === undefined || !seen.includes(wanted)) return;
    step += 1;
    seen = '';
    child.stdin.write(answer);
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(step, seen).toBe(answers.length);
  expect(code).toBe(0);
  expect(processesIn(buildDir)).toEqual([]);
  expect(existsSync(join(buildDir, 'logs', 'client_linux0.log'))).toBe(true);
});
