// SPDX-License-Identifier: BSD-2-Clause
// The guest programs, built by each clang that is here, for the guest and for this machine; and run on this machine:
// their words, their judgement of liars, their deadlines.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programFlags } from '../../linux/guest.ts';
import { requireOrSkip } from '../require.ts';
import { expectedHash } from './payload.ts';
import { type Clang, findClangs } from './toolchain.ts';

const programsDir = join(import.meta.dirname, '../../linux/programs');
const benchDir = join(import.meta.dirname, '../../bench/guest');
const clangs = findClangs();
const sources = [
  ...['init', 'vsock_send', 'vsock_recv'].map((name) => join(programsDir, `${name}.c`)),
  ...['vsock_client', 'vsock_server'].map((name) => join(benchDir, `${name}.c`)),
  join(import.meta.dirname, 'transfer_peer.c'),
];
const canRun = process.arch === 'x64' || process.arch === 'arm64';
const hostTarget = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmbuild guest '));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function compile(
  { clang, lld }: Clang,
  source: string,
  target: string,
  more: readonly string[] = [],
): Promise<string> {
  const output = join(dir, `${target}-${source.split('/').at(-1)?.replace('.c', '')}`);
  const flags = [`--target=${target}`, ...programFlags.slice(1)];
  const { stderr } = await execa(clang, [...flags, ...more, `--ld-path=${lld}`, '-o', output, source]);
  expect(stderr).toBe('');
  return output;
}

describe.each(clangs.length === 0 ? [undefined] : clangs)('built by %o', (found) => {
  test('all of them, for both architectures, without a warning', async (ctx) => {
    requireOrSkip(ctx, 'clang', found !== undefined, 'no clang with ld.lld');
    if (found === undefined) return;
    for (const source of sources)
      for (const target of ['aarch64-linux-gnu', 'x86_64-linux-gnu'])
        for (const level of ['-O2', '-O0']) await compile(found, source, target, [level]);
  });

  test('the same bytes from a copy of the sources elsewhere', async (ctx) => {
    requireOrSkip(ctx, 'clang', found !== undefined, 'no clang with ld.lld');
    if (found === undefined) return;
    await execa('cp', ['-r', programsDir, join(dir, 'copy')]);
    const here = await compile(found, join(programsDir, 'init.c'), 'aarch64-linux-gnu');
    const first = await execa('sha256sum', [here]);
    const there = await compile(found, join(dir, 'copy/init.c'), 'aarch64-linux-gnu');
    const second = await execa('sha256sum', [there]);
    expect(second.stdout.slice(0, 64)).toBe(first.stdout.slice(0, 64));
  });
});

describe('run on this machine', () => {
  const impatient = ['-DIDLE_LIMIT_MS=300', '-DCONNECT_LIMIT_MS=300', '-DACCEPT_LIMIT_MS=300'];
  const sanitized = ['-fsanitize=undefined', '-fsanitize-trap=undefined', ...impatient];
  const programs = new Map<string, string>();
  beforeAll(async () => {
    const clang = clangs[0];
    if (clang === undefined || !canRun) return;
    for (const source of sources)
      programs.set(
        source.split('/').at(-1)?.replace('.c', '') ?? '',
        await compile(clang, source, hostTarget, sanitized),
      );
  });

  const run = async (
    ctx: Parameters<typeof requireOrSkip>[0],
    name: string,
    args: string[],
    words: Record<string, string>,
  ) => {
    const path = programs.get(name);
    requireOrSkip(ctx, 'clang', path !== undefined, 'no clang with ld.lld for this machine');
    const { stdout, exitCode, signal } = await execa(path ?? '', args, {
      env: words,
      extendEnv: false,
      reject: false,
      timeout: 20_000,
    });
    return { lines: stdout.split('\n'), exitCode, signal };
  };

  test.for<[string, string, RegExp]>([
    ['send', 'honest', /^verified [0-9a-f]{16}$/],
    ['send', 'slow', /^verified [0-9a-f]{16}$/],
    [
      'send',
      'early-close',
      /^(write EPIPE \(32\)|write ECONNRESET \(104\)|the peer closed early|read ECONNRESET \(104\)) after \d+ of 32768/,
    ],
    [
      'send',
      'no-answer',
      /^(the peer closed early|read ECONNRESET \(104\)) after 32768 of 32768 payload bytes$/,
    ],
    ['send', 'half-answer', /^the peer closed early after 32768 of 32768 payload bytes$/],
    ['send', 'wrong-hash', /^the receiver answered hash [0-9a-f]{16}, expected [0-9a-f]{16}$/],
    ['send', 'silent', /^no progress for 0 s after \d+ of 32768 payload bytes$/],
    ['recv', 'honest', /^verified /],
    ['recv', 'slow', /^verified [0-9a-f]{16}$/],
    ['recv', 'other-nonce', /^number 0 is \d+, expected \d+$/],
    ['recv', 'flipped-bit', /^number 10000 is \d+, expected \d+$/],
    ['recv', 'one-short', /^the peer closed early after 32767 of 32768 payload bytes$/],
    ['recv', 'one-more', /^more than 32768 bytes came$/],
    ['recv', 'silent', /^no progress for 0 s after 0 of 32768 payload bytes$/],
    ['recv', 'never-closes', /^no progress for 0 s after 32768 of 32768 payload bytes$/],
    ['recv', 'leaves', /^(verified |write EPIPE \(32\)|read ECONNRESET \(104\))/],
  ])('%s judges a peer that is %s', async ([end, lie, expected], ctx) => {
    const { lines } = await run(ctx, 'transfer_peer', [end, lie], {});
    const stdout = lines.join('\n');
    expect(stdout).toMatch(expected);
    if (lie === 'honest') expect(stdout).toBe(`verified ${expectedHash(0x1234n)}`);
  });

  test.for<[string | undefined, string | undefined, string]>([
    [undefined, undefined, "PEER is '', expected a CID in decimal"],
    ['4x', undefined, "PEER is '4x', expected a CID in decimal"],
    ['4294967296', undefined, "PEER is '4294967296', expected a CID in decimal"],
    ['-1', undefined, "PEER is '-1', expected a CID in decimal"],
    ['4', undefined, "vsock_nonce is '', expected 16 lower-case hexadecimal digits"],
    ['4', '123', "vsock_nonce is '123', expected 16 lower-case hexadecimal digits"],
    ['4', '0123456789ABCDEF', "vsock_nonce is '0123456789ABCDEF', expected 16 lower-case hexadecimal digits"],
    [
      '4',
      '0123456789abcdef0',
      "vsock_nonce is '0123456789abcdef0', expected 16 lower-case hexadecimal digits",
    ],
  ])('peer %o with nonce %o is refused with code 2', async ([peer, nonce, expected], ctx) => {
    for (const [name, role, other] of [
      ['vsock_send', 'send', 'vsock_recv'],
      ['vsock_recv', 'recv', 'vsock_send'],
    ] as const) {
      // The other program's word is no business of this one.
      const words = {
        [other]: '7',
        ...(peer === undefined ? {} : { [name]: peer }),
        ...(nonce === undefined ? {} : { vsock_nonce: nonce }),
      };
      const { lines, exitCode } = await run(ctx, name, [], words);
      expect(lines).toEqual([`vsock ${role}: FAILED ${expected.replace('PEER', name)}`]);
      expect(exitCode).toBe(2);
    }
  });

  test('a sender without a receiver gives up at its deadline and says why', async (ctx) => {
    // CID 4294967294 is no machine's: ENODEV, ETIMEDOUT or ENETUNREACH, as the host has it; EAFNOSUPPORT without vsock.
    const words = { vsock_send: '4294967294', vsock_nonce: '0123456789abcdef' };
    const { lines, exitCode } = await run(ctx, 'vsock_send', [], words);
    expect(lines.at(-1)).toMatch(
      /^vsock send: FAILED connect to CID 4294967294 port 9999: E[A-Z]+ \(\d+\) at attempt \d+/,
    );
    expect(lines.filter((line) => line.startsWith('vsock '))).toHaveLength(1);
    expect(exitCode).toBe(1);
  });

  test('a receiver without a sender gives up at its deadline and says why', async (ctx) => {
    const words = { vsock_recv: '4', vsock_nonce: '0123456789abcdef' };
    const { lines, exitCode } = await run(ctx, 'vsock_recv', [], words);
    expect(lines.at(-1)).toMatch(
      /^vsock recv: FAILED (nobody connected within 0 s|socket EAFNOSUPPORT \(97\))/,
    );
    expect(exitCode).toBe(1);
  });
});
