// SPDX-License-Identifier: BSD-2-Clause
// What the benchmark on seL4 makes of its samples, and of its command line.
import { spawnSync } from 'node:child_process';
import { describe, expect, it, test } from 'vitest';
import type { Sel4Sample } from '../../bench/sel4/boot.ts';
import { renderSel4 } from '../../bench/sel4/table.ts';

describe('tables', () => {
  const stream = (mibPerS: number): Sel4Sample['figures'] => ({
    kind: 'stream',
    bytes: 8 * 2 ** 20,
    durationUs: (8 / mibPerS) * 1e6,
  });
  const ping = (meanUs: number): Sel4Sample['figures'] => ({
    kind: 'ping',
    count: 10,
    meanUs,
    leastUs: 1,
    p50Us: 2,
    p99Us: 3,
  });
  const of = (
    run: number,
    route: Sel4Sample['route'],
    figures: Sel4Sample['figures'],
    counts: Partial<Pick<Sel4Sample, 'client' | 'server'>> = {},
  ): Sel4Sample => ({
    mode: 'icount',
    run,
    route,
    figures,
    test: figures.kind === 'stream' ? 'stream 65536' : figures.kind,
    cpuS: 0.1,
    client: {},
    server: {},
    ...counts,
  });

  it("shows medians, ratios of each boot's own figures, and counts per MiB and round trip", () => {
    const samples = [
      of(1, 'loopback', stream(100)),
      of(1, 'device', stream(50), { client: { tx_kicks: 8, ticks: 8000 }, server: { rx_kicks: 4 } }),
      of(2, 'loopback', stream(50)),
      of(2, 'device', stream(30), { client: { tx_kicks: 24, ticks: 8000 }, server: { rx_kicks: 4 } }),
      of(1, 'device', ping(500), { client: { tx_kicks: 10 }, server: { tx_kicks: 11 } }),
    ];
    expect(renderSel4(samples).split('\n')).toEqual([
      "| -icount shift=1,sleep=off | device | loopback | device / loopback | CPU s | loopback's CPU s | upstream |",
      '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
      '| 8 MiB in writes of 64 KiB, MiB/s | 40 | 75 | 0.55 | 0.10 | 0.10 | 0.889 |',
      '| 1 byte there and back, 10 times, µs | 500 (p50 2, p99 3) | – | – | 0.10 | – | 3930 (p50 3950, p99 3990) |',
      '',
      '| -icount shift=1,sleep=off: in the VMMs, per MiB or round trip | 64 KiB: sender | receiver | ping: sender | receiver |',
      '| --- | ---: | ---: | ---: | ---: |',
      '| tx kicks | 2.00 | 0.00 | 1.00 | 1.10 |',
      '| µs in all | 16.0 | 0.00 | 0.00 | 0.00 |',
      '| rx kicks | 0.00 | 0.50 | 0.00 | 0.00 |',
      '',
    ]);
  });
});

describe('the command line', () => {
  test.for([
    [['--config', 'smp'], "--config is 'smp', expected debug or release"],
    [['--mode', 'kvm'], "--mode is 'kvm', expected icount, plain or both"],
    [['--connects', 'x'], "--connects is 'x', expected a number from 1 to 10000"],
  ] as const)('%s', ([words, message]) => {
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      ['bench/run.mjs', 'vsock-sel4', ...words],
      {
        cwd: new URL('../..', import.meta.url).pathname,
        encoding: 'utf8',
      },
    );
    expect(stderr).toContain(`error[BEN101]: ${message}`);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});
