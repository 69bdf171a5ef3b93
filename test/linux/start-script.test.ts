// SPDX-License-Identifier: BSD-2-Clause
// S99vsock, which a given initrd's own init starts, run by each shell of this machine: which programs it runs, that
// they run at the same time, and what it says of one that cannot speak for itself.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { scratchDir } from '../make/scratch.ts';
import { findTool } from './toolchain.ts';

const script = readFileSync(join(import.meta.dirname, '../../linux/programs/S99vsock'), 'utf8');
const shells = [['dash'], ['bash', '--posix'], ['busybox', 'sh']].filter(
  ([name = '']) => findTool(name) !== undefined,
);

/**
 * What it prints, with `cmdline` as the kernel's and `programs` (shell text by name) in /root. The programs' lines come in
 * any order; what the script does last is last.
 */
async function start(
  [shell = '', ...shellArgs]: readonly string[],
  cmdline: string,
  programs: Record<string, string>,
): Promise<string[]> {
  const dir = scratchDir();
  const fakes: Record<string, string> = { ...programs, poweroff: 'echo poweroff "$@"' };
  for (const [name, text] of Object.entries(fakes)) {
    writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(dir, name), 0o755);
  }
  writeFileSync(join(dir, 'cmdline'), `${cmdline}\n`);
  writeFileSync(
    join(dir, 'S99vsock'),
    script.replaceAll('/proc/cmdline', `${dir}/cmdline`).replaceAll('/root/', `${dir}/`),
  );
  const { stdout } = await execa(shell, [...shellArgs, join(dir, 'S99vsock'), 'start'], {
    env: { PATH: `${dir}:${process.env['PATH'] ?? ''}` },
    timeout: 20_000,
  });
  const lines = stdout.split('\n');
  const last = lines.filter((line) => line.startsWith('poweroff'));
  const first = lines.slice(0, lines.length - last.length).toSorted((a, b) => (a < b ? -1 : 1));
  return [...first, ...lines.slice(first.length)];
}

const programs = { vsock_recv: 'sleep 0.1; echo recv runs', vsock_send: 'sleep 0.1; echo send runs' };

describe.each(shells)('%s', (...shell) => {
  test.for<[string, string[]]>([
    ['quiet vsock_recv=4 vsock_nonce=1', ['recv runs', 'poweroff -f']],
    ['vsock_send=3 vsock_nonce=1', ['send runs', 'poweroff -f']],
    ['vsock_recv=4 vsock_send=5', ['recv runs', 'send runs', 'poweroff -f']],
    // A word without a value is the program's to refuse.
    ['vsock_recv= vsock_after=shell', ['recv runs']],
    ['vsock_send=3 vsock_after=shell vsock_after=poweroff', ['send runs', 'poweroff -f']],
    [
      'vsock_role=recv xvsock_recv=3 vsock_recvs=3',
      ['VSOCK INIT|INFO: neither vsock_recv nor vsock_send is given: no program to run'],
    ],
  ])('%s', async ([cmdline, lines]) => {
    expect(await start(shell, cmdline, programs)).toEqual(lines);
  });

  test('each waits for the other here: they run at the same time', async () => {
    const meet = (own: string, other: string): string =>
      `touch "\${0%/*}/${own}"; while [ ! -e "\${0%/*}/${other}" ]; do sleep 0.02; done; echo ${own} met`;
    const both = { vsock_recv: meet('recv', 'send'), vsock_send: meet('send', 'recv') };
    expect(await start(shell, 'vsock_recv=4 vsock_send=5 vsock_after=shell', both)).toEqual([
      'recv met',
      'send met',
    ]);
  });

  test('the verdict of programs that died or are not there', async () => {
    const lines = await start(shell, 'vsock_recv=4 vsock_send=5', { vsock_recv: 'kill -SEGV $$' });
    expect(lines).toEqual(['vsock recv: FAILED status 139', 'vsock send: FAILED status 127', 'poweroff -f']);
    const failed = await start(shell, 'vsock_recv=4', { vsock_recv: 'echo said its own; exit 1' });
    expect(failed).toEqual(['said its own', 'poweroff -f']);
  });
});
