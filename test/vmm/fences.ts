// SPDX-License-Identifier: BSD-2-Clause
// The order of memory accesses between cores, where no test run can show it (x86 hides most of it, emulators all of it):
// read from the AArch64 code that the compiler makes.

import { basename } from 'node:path';
import { execa } from 'execa';
import { coreDir, warnings } from './compile.ts';

export const freestanding = [
  '-target',
  'aarch64-none-elf',
  '-mstrict-align',
  '-ffreestanding',
  '-nostdlibinc',
  '-O2',
];

/** Which ordered accesses and fences each function must have, in this order, and why. */
export const wantedFences: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'ring.c': {
    // what we overwrite has been read by the peer
    vsock_ring_room: ['ldar'],
    // records are there before the tail that shows them, and have been read before the head that frees them
    vsock_ring_publish: ['stlr', 'stlr'],
    // a record is not read before the tail that shows it
    vsock_ring_next: ['ldar'],
    // first the epoch, then the tail
    vsock_ring_epoch_passed: ['ldar', 'ldar'],
    // publish, then look for waiters; announce the wait, then look again
    vsock_ring_peer_waits: ['dmb ish'],
    vsock_ring_sleep: ['dmb ish'],
    vsock_ring_want_room: ['dmb ish'],
  },
  'virtqueue.c': {
    // a chain is not read before the index that shows it; ask for a kick, then look again
    vsock_queue_take: ['ldarh', 'dmb ish', 'ldarh'],
    // elements are there before the index that shows them; publish, then look whether an interrupt is wanted
    vsock_queue_publish: ['stlrh', 'dmb ish'],
  },
};

/** What is wrong with the order in a source file, function by function; empty if nothing is. */
export async function judgeFences(clang: string, source: string, name = basename(source)): Promise<string[]> {
  const { stdout } = await execa(clang, [
    ...warnings,
    ...freestanding,
    `-I${coreDir}`,
    '-S',
    source,
    '-o',
    '-',
  ]);
  return Object.entries(wantedFences[name] ?? {}).flatMap(([symbol, wanted]) => {
    const body = new RegExp(`^${symbol}:([^]*?)^\\.Lfunc_end`, 'm').exec(stdout)?.[1];
    const found = [...(body ?? '').matchAll(/^\s+(ldarh?|stlrh?|dmb\s+\w+)\b/gm)].map((match) =>
      match[1]?.replace(/\s+/, ' '),
    );
    return body !== undefined && found.join() === wanted.join()
      ? []
      : [`${symbol} has [${found.join(' ')}] instead of [${wanted.join(' ')}]`];
  });
}
