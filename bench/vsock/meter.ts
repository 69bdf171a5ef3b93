// SPDX-License-Identifier: BSD-2-Clause
// What the parts of a boot have counted and used of the processors up to a moment: a guest's QEMU, and that guest's side
// of our back end.
import { readdirSync, readFileSync } from 'node:fs';
import type { Counts } from './lines.ts';

/** Of one guest. */
export interface Metered {
  readonly cid: number;
  readonly qemu: number | undefined;
  readonly backend: number;
}

/** What our back end counts for each guest (vmm/host/guest.c), in the order of the table. */
const counters = [
  ['tx kicks', 'tx_kicks'],
  ['rx kicks', 'rx_kicks'],
  ['wake-ups', 'peer_wakeups'],
  ['calls', 'calls'],
  ['polls', 'polls'],
  ['tx packets', 'tx_packets'],
  ['tx records', 'tx_records'],
  ['tx bytes', 'tx_bytes'],
  ['rx records', 'rx_records'],
  ['rx packets', 'rx_packets'],
  ['rx bytes', 'rx_bytes'],
] as const;

export interface CountListener {
  /** A line of the back end. */
  hear(text: string): void;
  /** What it has said of this guest. */
  countsOf(cid: number): Counts;
  /** How many guests' counters it has said to the end. */
  reports(): number;
}

/** Keeps what the back end says when it gets SIGUSR1. */
export function listenForCounts(): CountListener {
  const all = new Map<number, Record<string, number>>();
  let reports = 0;
  return {
    hear: (text) => {
      const [, cid, rest = ''] = /^CID (\d+): (.*)$/.exec(text) ?? [];
      if (cid === undefined) return;
      if (rest === 'has counted') reports += 1;
      const [, said, value] = /^(.+) (\d+)$/.exec(rest) ?? [];
      const name = counters.find(([spoken]) => spoken === said)?.[1];
      if (name === undefined) return;
      const counts = all.get(Number(cid)) ?? {};
      counts[name] = Number(value);
      all.set(Number(cid), counts);
    },
    countsOf: (cid) => ({ ...all.get(cid) }),
    reports: () => reports,
  };
}

/** What the threads have used, in microseconds; nothing of a process that is gone. */
export function usedUs({ cid, qemu, backend }: Metered): Counts {
  const ofQemu = qemu === undefined ? [] : threadsOf(qemu);
  const sum = (threads: readonly Thread[]): number => threads.reduce((us, thread) => us + thread.usedUs, 0);
  return {
    // QEMU's first thread carries interrupts to the processor, which is the only other one with work to do.
    processor_us: sum(ofQemu.filter(({ id }) => id !== qemu)),
    carrier_us: sum(ofQemu.filter(({ id }) => id === qemu)),
    backend_us: sum(threadsOf(backend).filter(({ name }) => name === `CID ${cid}`)),
  };
}

/** In the order of `counters`, zero where nothing was counted. */
export function countedBetween(begin: Counts, end: Counts): Counts {
  const names = [...counters.map(([, name]) => name), 'processor_us', 'carrier_us', 'backend_us'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const now = end[name];
      return now === undefined ? [] : [[name, now - (begin[name] ?? 0)]];
    }),
  );
}

interface Thread {
  readonly id: number;
  readonly name: string;
  readonly usedUs: number;
}

function threadsOf(pid: number): readonly Thread[] {
  let ids: readonly string[];
  try {
    ids = readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  return ids.flatMap((id) => {
    const directory = `/proc/${pid}/task/${id}`;
    try {
      const [usedNs = ''] = readFileSync(`${directory}/schedstat`, 'utf8').split(' ');
      const name = readFileSync(`${directory}/comm`, 'utf8').trim();
      return [{ id: Number(id), name, usedUs: Number(usedNs) / 1000 }];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}
