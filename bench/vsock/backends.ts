// SPDX-License-Identifier: BSD-2-Clause
// The two back ends that are compared: ours, and rust-vmm's, which cargo builds from its registry once.
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheDir } from '../../make/store/cache.ts';
import { describeFailure, runCommand } from '../../make/run.ts';
import type { BackendName } from './table.ts';

export interface Backend {
  readonly name: BackendName;
  readonly tool: string;
  readonly args: (guests: readonly GuestSocket[]) => readonly string[];
  /** Whether it prints `ready`; else it is when its sockets are there. */
  readonly saysReady: boolean;
  /** Whether it prints counters when it gets SIGUSR1, which would end another. */
  readonly counts: boolean;
  /** Largest write that it gets over to another guest. */
  readonly maxWriteBytes: number;
}

export interface GuestSocket {
  readonly cid: number;
  readonly socket: string;
}

export const ourBackend = (tool: string, ringBytes: number): Backend => ({
  name: 'ours',
  tool,
  args: (guests) => [
    '--ring-bytes',
    String(ringBytes),
    ...guests.flatMap(({ cid, socket }) => ['--guest', `${cid}=${socket}`]),
  ],
  saysReady: true,
  counts: true,
  maxWriteBytes: Number.POSITIVE_INFINITY,
});

export const peerCrate = { name: 'vhost-device-vsock', version: '0.3.0' } as const;

const peerBackend = (tool: string): Backend => ({
  name: peerCrate.name,
  tool,
  args: (guests) =>
    guests.flatMap(({ cid, socket }) => [
      '--vm',
      `guest-cid=${cid},socket=${socket},uds-path=${socket}.host,groups=bench`,
    ]),
  saysReady: false,
  counts: false,
  // A packet from guest to guest is not split, and Linux posts receive buffers of 3776 bytes, 44 of them for the header.
  maxWriteBytes: 3776 - 44,
});

/** Compiling takes minutes. */
const installTimeoutMs = 20 * 60_000;

/** rust-vmm's back end, or why there is none here. */
export async function loadPeer(signal: AbortSignal, news: (text: string) => void): Promise<Backend | string> {
  const directory = join(cacheDir(process.env), 'bench', `${peerCrate.name}-${peerCrate.version}`);
  const tool = join(directory, 'bin', peerCrate.name);
  if (existsSync(tool)) return peerBackend(tool);
  const version = await runCommand({ tool: 'cargo', args: ['--version'], cwd: '/' }, signal);
  if (describeFailure(version.end) !== undefined) return `no cargo to build ${peerCrate.name} with`;
  news(`building ${peerCrate.name} ${peerCrate.version} with cargo, once, into ${directory}`);
  await mkdir(dirname(directory), { recursive: true });
  const unfinished = `${directory}.${process.pid}.new`;
  try {
    const args = [
      'install',
      '--locked',
      '--root',
      unfinished,
      '--version',
      peerCrate.version,
      peerCrate.name,
    ];
    const limit = AbortSignal.any([signal, AbortSignal.timeout(installTimeoutMs)]);
    const { end, output } = await runCommand(
      { tool: 'cargo', args, cwd: '/', env: cargoEnvironment() },
      limit,
    );
    signal.throwIfAborted();
    const failure = describeFailure(end);
    if (failure !== undefined)
      return `cargo ${failure} when it built ${peerCrate.name}: ${output.trim().split('\n').at(-1) ?? ''}`;
    await rm(directory, { recursive: true, force: true });
    await rename(unfinished, directory);
    return peerBackend(tool);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Where a user's cargo keeps its things, and by which way it gets more. */
function cargoEnvironment(): Readonly<Record<string, string>> {
  const names = Object.keys(process.env).filter((name) => /^(?:CARGO|RUSTUP)_|_proxy$/i.test(name));
  return Object.fromEntries(names.map((name) => [name, process.env[name] ?? '']));
}
