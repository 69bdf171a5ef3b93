// SPDX-License-Identifier: BSD-2-Clause
// A private directory for the Unix sockets of one run. Their paths hold 107 bytes at most (sockaddr_un), so they cannot
// be in a build directory, which may be deep; and their directory is open to this user only.
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, ourselves } from '../liveness.ts';
import { makeTemporaryDirectory } from '../temporary-directory.ts';

/** sun_path, less its NUL, less a name in the directory and what mkdtemp adds. */
const maxDirectoryBytes = 107 - 20;

export interface SocketDirectory {
  readonly path: string;
  remove(): Promise<void>;
}

export async function makeSocketDirectory(): Promise<SocketDirectory> {
  const name = `vmbuild-sim-${ourselves.pid}-${ourselves.started}-`;
  const root = Buffer.byteLength(join(tmpdir(), name)) <= maxDirectoryBytes ? tmpdir() : '/tmp';
  await sweep(root);
  const path = await makeTemporaryDirectory(name, root);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Removes the directories of runs that were killed. */
async function sweep(root: string): Promise<void> {
  // Where it cannot be read, making one will say so.
  for (const name of await readdir(root).catch(() => [])) {
    const [, pid, started] = /^vmbuild-sim-(\d+)-(\d+)-/.exec(name) ?? [];
    if (pid === undefined || isAlive({ pid: Number(pid), started: Number(started) })) continue;
    // Somebody else's stays: it is not for us to remove.
    await rm(join(root, name), { recursive: true, force: true }).catch(() => undefined);
  }
}
