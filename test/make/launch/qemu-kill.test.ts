// SPDX-License-Identifier: BSD-2-Clause
// A launcher that is killed with SIGKILL can end nothing itself; the kernel ends QEMU for it.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bundled } from '../bundled.ts';
import { fakeTool, read, scratchDir, until, write } from '../scratch.ts';

it.skipIf(!existsSync('/usr/bin/setpriv'))(
  'kill -9 of the launcher leaves no QEMU, and the log so far',
  async () => {
    const directory = scratchDir();
    const qemu = fakeTool(directory, 'qemu', 'echo booting; exec sleep 1000');
    const script = write(
      scratchDir('child'),
      'launch-child.mjs',
      await bundled('test/make/launch/launch-child.ts'),
    );
    const child = spawn(process.execPath, [script, qemu, directory], { stdio: 'ignore' });
    const log = join(directory, 'console.log');
    await until(() => existsSync(log) && read(directory, 'console.log') !== '');
    expect(processesIn(directory)).toHaveLength(1);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    await until(() => processesIn(directory).length === 0);
    expect(read(directory, 'console.log')).toBe('booting\n');
  },
);

/** Live processes whose working directory is `directory`; QEMU's is that of its logs. */
const processesIn = (directory: string): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`) === directory;
    } catch {
      return false; // gone, or a zombie
    }
  });
