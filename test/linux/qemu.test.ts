// SPDX-License-Identifier: BSD-2-Clause
// The guest side for real: Debian's kernel with our initramfs in a bare QEMU machine, with a virtio console and, in
// place of a second guest, the kernel's own vsock loopback. No seL4 here; this proves PID 1, the modules, the programs
// and the protocol.
import { Buffer } from 'node:buffer';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { type CpioEntry, renderCpio } from '../../linux/cpio.ts';
import type { DebianGuest } from '../../linux/debian.ts';
import { programFlags } from '../../linux/guest.ts';
import { appendOverlay, gzip, type NamedBytes, packInitramfs } from '../../linux/initramfs.ts';
import { requireOrSkip } from '../require.ts';
import { loadDebianGuest } from './debian-guest.ts';
import { expectedHash } from './payload.ts';
import { findClangs, findTool } from './toolchain.ts';

const programsDir = join(import.meta.dirname, '../../linux/programs');
const nonce = '0123456789abcdef';
const verified = `bytes=32768 hash=${expectedHash(BigInt(`0x${nonce}`))} nonce=${nonce} us=# verified`;
const bootLimitMs = 100_000;

let dir = '';
let guest: DebianGuest | string = 'not loaded';
const programs = new Map<string, Buffer>();
let modules: NamedBytes[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmbuild-boot-'));
  const clang = findClangs()[0];
  if (clang === undefined || findTool('qemu-system-aarch64') === undefined) return;
  guest = await loadDebianGuest();
  if (typeof guest === 'string') return;
  for (const source of [
    ...['init', 'vsock_send', 'vsock_recv'].map((name) => join(programsDir, `${name}.c`)),
    ...['other_sender', 'crash'].map((name) => join(import.meta.dirname, `${name}.c`)),
  ]) {
    const name = source.split('/').at(-1)?.replace('.c', '') ?? '';
    await execa(clang.clang, [...programFlags, `--ld-path=${clang.lld}`, '-o', join(dir, name), source]);
    programs.set(name, await readFile(join(dir, name)));
  }
  modules = await Promise.all(
    [...guest.modules, ...guest.loopbackModules].map(async ({ name, path }) => ({
      name: `${name}.ko`,
      bytes: await readFile(path),
    })),
  );
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

const program = (name: string, as = name): NamedBytes => ({
  name: as,
  bytes: programs.get(name) ?? Buffer.alloc(0),
});
const bothEnds = (): NamedBytes[] => [program('vsock_recv'), program('vsock_send')];

function ready(ctx: Pick<TestContext, 'skip'>): DebianGuest {
  requireOrSkip(ctx, 'clang', findClangs().length > 0, 'no clang with ld.lld');
  requireOrSkip(ctx, 'qemu', findTool('qemu-system-aarch64') !== undefined, 'no qemu-system-aarch64');
  requireOrSkip(ctx, 'guest-images', typeof guest !== 'string', typeof guest === 'string' ? guest : '');
  return guest as DebianGuest;
}

interface Boot {
  readonly kernel: string;
  readonly initrd: Buffer;
  readonly words: string;
  readonly console?: 'hvc0' | 'ttyAMA0';
  /** Typed, one after the other, each when its prompt or marker has come. */
  readonly talk?: readonly { readonly after: string; readonly say: string }[];
}

/** Boots until the guest powers off. Lines without CR; `code` is QEMU's. */
async function boot({
  kernel,
  initrd,
  words,
  console = 'hvc0',
  talk = [],
}: Boot): Promise<{ lines: string[]; code: number | undefined }> {
  const initrdPath = join(dir, 'initrd');
  await writeFile(initrdPath, initrd);
  const virtio = [
    '-serial',
    'none',
    '-device',
    'virtio-serial-device',
    '-device',
    'virtconsole,chardev=console',
  ];
  const device = console === 'hvc0' ? virtio : ['-serial', 'chardev:console'];
  const qemu = execa(
    'qemu-system-aarch64',
    [
      '-machine virt,gic-version=2 -cpu cortex-a53 -m 128 -nic none -display none -no-reboot -monitor none'.split(
        ' ',
      ),
      '-global virtio-mmio.force-legacy=false -chardev stdio,id=console'.split(' '),
      device,
      ['-kernel', kernel, '-initrd', initrdPath],
      ['-append', `console=${console} cma=0 panic=-1 loglevel=5 ${words}`],
    ].flat(),
    { reject: false, timeout: bootLimitMs, stdin: 'pipe' },
  );
  let said = 0;
  let text = '';
  qemu.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    for (let next = talk[said]; next !== undefined && text.includes(next.after); next = talk[said]) {
      qemu.stdin.write(next.say);
      text = '';
      said += 1;
    }
  });
  const { stdout, exitCode } = await qemu;
  return { lines: stdout.replaceAll('\r', '').split('\n'), code: exitCode };
}

/** The receiver's first. How many microseconds it took is not ours to say. */
const verdicts = (lines: readonly string[]): string[] =>
  lines
    .filter((line) => /^vsock (recv|send): /.test(line))
    .map((line) => line.replace(/ us=[1-9]\d* /, ' us=# '))
    .toSorted((a, b) => (a < b ? -1 : 1));

/** The guest talks to itself: both programs at the same time. */
const orders = `vsock_recv=1 vsock_send=1 vsock_nonce=${nonce}`;
const ours = (more: readonly NamedBytes[] = bothEnds(), given = modules): Buffer =>
  packInitramfs({ init: programs.get('init') ?? Buffer.alloc(0), programs: more, modules: given });

describe('a Debian guest in QEMU', () => {
  test('loads its modules, finds its console, transfers, verifies and powers off', async (ctx) => {
    const { kernel } = ready(ctx);
    const { lines, code } = await boot({ kernel: kernel.path, initrd: ours(), words: orders });
    expect(verdicts(lines), lines.join('\n')).toEqual([
      `vsock recv: peer=1 port=9999 ${verified}`,
      `vsock send: peer=1 port=9999 ${verified}`,
    ]);
    expect(lines).toContain('VSOCK RECV|INFO: All is well in the universe');
    expect(lines.find((line) => line.startsWith('VSOCK RECV|INFO: own CID'))).toMatch(
      /own CID 1, listening on port 9999 for CID 1$/,
    );
    expect(lines.filter((line) => line.includes('VSOCK INIT'))).toEqual([]);
    expect(code).toBe(0);
  });

  test('a sender with another nonce fails both ends', async (ctx) => {
    const { kernel } = ready(ctx);
    const programs = [
      program('vsock_recv'),
      program('other_sender', 'vsock_send'),
      program('vsock_send', 'real_send'),
    ];
    const { lines } = await boot({ kernel: kernel.path, initrd: ours(programs), words: orders });
    const [recv, send, ...more] = verdicts(lines);
    expect(recv).toMatch(/^vsock recv: FAILED number \d+ is \d+, expected \d+$/);
    expect(send).toMatch(
      /^vsock send: FAILED (the peer closed early|(read|write) \w+ \(\d+\)) after \d+ of 32768 payload bytes$/,
    );
    expect(more).toEqual([]);
    expect(lines.join('\n')).not.toMatch(/verified|All is well/);
  });

  test('a receiver that expects another guest refuses its own loopback', async (ctx) => {
    const { kernel } = ready(ctx);
    const words = orders.replace('vsock_recv=1', 'vsock_recv=4');
    const { lines } = await boot({ kernel: kernel.path, initrd: ours(), words });
    expect(verdicts(lines)).toEqual([
      'vsock recv: FAILED peer cid is 1, expected 4',
      expect.stringMatching(/^vsock send: FAILED .* payload bytes$/),
    ]);
    expect(lines.join('\n')).not.toMatch(/verified|All is well/);
  });

  test('without its modules the program says that the kernel has no vsock; a broken one is named', async (ctx) => {
    const { kernel } = ready(ctx);
    const console = modules.filter(({ name }) => name === 'virtio_mmio.ko');
    const given = [...console, { name: 'broken.ko', bytes: Buffer.from('no module') }];
    const { lines, code } = await boot({
      kernel: kernel.path,
      initrd: ours(bothEnds(), given),
      words: orders,
    });
    const reason = 'EAFNOSUPPORT (97): the kernel has no vsock, or its module is not loaded';
    expect(verdicts(lines)).toEqual([
      `vsock recv: FAILED socket ${reason}`,
      expect.stringMatching(
        /^vsock send: FAILED connect to CID 1 port 9999: EAFNOSUPPORT \(97\) at attempt 1/,
      ),
    ]);
    expect(lines.join('\n')).toMatch(/VSOCK INIT\|INFO: module broken\.ko: error \(8\)/);
    expect(code).toBe(0);
  });

  test('programs that die or are not there get their verdicts from PID 1', async (ctx) => {
    const { kernel } = ready(ctx);
    const initrd = ours([program('crash', 'vsock_recv')]);
    const { lines, code } = await boot({ kernel: kernel.path, initrd, words: orders });
    expect(verdicts(lines), lines.join('\n')).toEqual([
      expect.stringMatching(/^vsock recv: FAILED killed by signal [45]$/),
      'vsock send: FAILED could not be started',
    ]);
    expect(code).toBe(0);
  });

  test('one that dies does not hide what the other one says', async (ctx) => {
    const { kernel } = ready(ctx);
    const initrd = ours([program('vsock_recv'), program('crash', 'vsock_send')]);
    const words = orders.replace(nonce, 'none');
    const { lines, code } = await boot({ kernel: kernel.path, initrd, words });
    expect(verdicts(lines), lines.join('\n')).toEqual([
      "vsock recv: FAILED vsock_nonce is 'none', expected 16 lower-case hexadecimal digits",
      expect.stringMatching(/^vsock send: FAILED killed by signal [45]$/),
    ]);
    expect(code).toBe(0);
  });

  test('the shell stays on the console after the run, and comes back when it is left', async (ctx) => {
    const { kernel, busybox } = ready(ctx);
    const initrd = packInitramfs({
      init: programs.get('init') ?? Buffer.alloc(0),
      programs: [],
      modules,
      busybox: await readFile(busybox.path),
    });
    const { lines, code } = await boot({
      kernel: kernel.path,
      initrd,
      words: 'vsock_after=shell',
      talk: [
        { after: '# ', say: 'echo first $((6 * 7)); exit\n' },
        { after: 'first 42', say: '' },
        { after: '# ', say: 'echo second $$ $((6 * 7)); poweroff -f\n' },
      ],
    });
    const text = lines.join('\n');
    expect(text).toContain('VSOCK INIT|INFO: neither vsock_recv nor vsock_send is given: no program to run');
    expect(text).toContain('\nfirst 42\n');
    expect(text).toMatch(/\nsecond \d+ 42(\n|$)/);
    expect(text).not.toContain("can't access tty");
    expect(code).toBe(0);
  });

  test.for([['hvc0'], ['ttyAMA0']] as const)(
    'a given initrd runs the programs from its own init, on %s',
    async ([console], ctx) => {
      const { kernel, busybox } = ready(ctx);
      const initrd = appendOverlay(gzip(renderCpio(await buildrootLike(busybox.path))), {
        programs: bothEnds(),
        startScript: await readFile(join(programsDir, 'S99vsock')),
        modular: { init: programs.get('init') ?? Buffer.alloc(0), modules },
      });
      const words = `rdinit=/vsock_init ${orders}`;
      const { lines, code } = await boot({ kernel: kernel.path, initrd, words, console });
      expect(lines, lines.join('\n')).toContain('their own init');
      expect(verdicts(lines), lines.join('\n')).toEqual([
        `vsock recv: peer=1 port=9999 ${verified}`,
        `vsock send: peer=1 port=9999 ${verified}`,
      ]);
      expect(code).toBe(0);
    },
  );
});

/** As buildroot's rootfs: /init opens the console and runs /etc/init.d/S*, with an environment of its own. */
async function buildrootLike(busybox: string): Promise<CpioEntry[]> {
  const init = [
    '#!/bin/sh',
    'export PATH=/bin:/sbin',
    'mount -t devtmpfs devtmpfs /dev 2>/dev/null',
    'exec 0</dev/console 1>/dev/console 2>/dev/console',
    'echo their own init',
    'for s in /etc/init.d/S*; do env -i PATH=$PATH $s start; done',
    'echo came back',
    'poweroff -f',
  ];
  const applets = ['sh', 'mount', 'cat', 'tail', 'echo', 'env', 'poweroff'];
  return [
    { kind: 'file', path: 'init', mode: 0o755, bytes: Buffer.from(`${init.join('\n')}\n`) },
    { kind: 'file', path: 'bin/busybox', mode: 0o755, bytes: await readFile(busybox) },
    ...applets.map((name): CpioEntry => ({ kind: 'symlink', path: `bin/${name}`, target: 'busybox' })),
    ...['dev', 'proc', 'sys'].map((path): CpioEntry => ({ kind: 'directory', path, mode: 0o755 })),
    { kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
  ];
}
