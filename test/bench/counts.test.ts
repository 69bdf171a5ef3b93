// SPDX-License-Identifier: BSD-2-Clause
// What is counted while the benchmark of the socket device runs, and the table that comes of it.
import { describe, expect, it } from 'vitest';
import { renderCounts } from '../../bench/vsock/counts.ts';
import type { Figures } from '../../bench/vsock/lines.ts';
import { countedBetween, listenForCounts, usedUs } from '../../bench/vsock/meter.ts';

const stream: Figures = { kind: 'stream', bytes: 4 * 2 ** 20, durationUs: 1 };
const ping: Figures = { kind: 'ping', count: 100, meanUs: 1, leastUs: 1, p50Us: 1, p99Us: 1 };

describe('the table', () => {
  it('has what was counted per MiB and per round trip, medians of the runs, an end to a column', () => {
    const of = (calls: number) => ({ sender: { calls, busy_us: 8000 }, receiver: { calls: 4000 } });
    const samples = [
      { test: 'stream 65536', figures: stream, ends: of(4) },
      { test: 'stream 65536', figures: stream, ends: of(100) },
      { test: 'stream 65536', figures: stream, ends: of(8) },
      { test: 'stream 65536', figures: stream, ends: { loopback: { busy_us: 40 } } },
      { test: 'ping', figures: ping, ends: { sender: { calls: 250 }, receiver: {} } },
    ];
    expect(
      renderCounts(samples, { title: 'counted', rows: { busy_us: 'ms busy' }, scales: { busy_us: 0.001 } }),
    ).toBe(
      [
        '| counted, per MiB or round trip | 64 KiB: sender | receiver | loopback | ping: sender |',
        '| --- | ---: | ---: | ---: | ---: |',
        '| calls | 2.00 | 1000 | 0.00 | 2.50 |',
        '| ms busy | 2.00 | 0.00 | 0.01 | 0.00 |',
        '',
      ].join('\n'),
    );
  });

  it('is none if nothing was counted', () => {
    const nothing = { test: 'ping', figures: ping, ends: { sender: {}, receiver: {} } };
    expect(renderCounts([nothing], { title: 'counted' })).toBe('');
  });
});

describe('the back end', () => {
  it('is listened to', () => {
    const listener = listenForCounts();
    for (const line of [
      'ready',
      'CID 3: driver is up',
      'CID 3: tx kicks 12',
      'CID 4: wake-ups 7',
      'CID 3: transport resets 1',
      'CID 3: has counted',
      'CID 3: tx kicks 15',
    ])
      listener.hear(line);
    expect(listener.countsOf(3)).toEqual({ tx_kicks: 15 });
    expect(listener.countsOf(4)).toEqual({ peer_wakeups: 7 });
    expect(listener.countsOf(5)).toEqual({});
    expect(listener.reports()).toBe(1);
  });

  it('has counted between two moments, in the order of the table', () => {
    const begin = { tx_kicks: 2, processor_us: 5 };
    const counts = countedBetween(begin, { processor_us: 9, calls: 4, tx_kicks: 3 });
    expect(Object.entries(counts)).toEqual([
      ['tx_kicks', 1],
      ['calls', 4],
      ['processor_us', 4],
    ]);
  });
});

it("reads what a process's threads have used", () => {
  const used = (): number => usedUs({ cid: 3, qemu: process.pid, backend: 2 ** 30 })['carrier_us'] ?? 0;
  const beforeUs = used();
  for (const startS = process.cpuUsage().user / 1e6; process.cpuUsage().user / 1e6 < startS + 0.05; );
  expect(used()).toBeGreaterThan(beforeUs);
  expect(usedUs({ cid: 3, qemu: 2 ** 30, backend: 2 ** 30 })).toEqual({
    processor_us: 0,
    carrier_us: 0,
    backend_us: 0,
  });
});
