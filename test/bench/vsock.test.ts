// SPDX-License-Identifier: BSD-2-Clause
// What the benchmark of the socket device makes of the guests' lines, and of its own command line.
import { spawnSync } from 'node:child_process';
import { describe, expect, it, test } from 'vitest';
import { cpuSecondsOf } from '../../bench/vsock/cpu.ts';
import { type Figures, parseBenchLine } from '../../bench/vsock/lines.ts';
import { median, renderTables, type Sample } from '../../bench/vsock/table.ts';

describe('lines of the guests', () => {
  test.for([
    ['vsock bench: listening', { kind: 'listening' }],
    ['vsock bench: done', { kind: 'done' }],
    ['vsock bench: counted tx_kicks=12 ticks=5', { kind: 'counted', counts: { tx_kicks: 12, ticks: 5 } }],
    [
      'vsock bench: begin stream via=device write=3600',
      { kind: 'begin', test: 'stream 3600', route: 'device' },
    ],
    ['vsock bench: begin ping via=loopback', { kind: 'begin', test: 'ping', route: 'loopback' }],
    [
      'vsock bench: stream via=device write=16384 bytes=67108864 us=512345 verified',
      {
        kind: 'result',
        test: 'stream 16384',
        route: 'device',
        figures: { kind: 'stream', bytes: 67108864, durationUs: 512345 },
      },
    ],
    [
      'vsock bench: ping via=loopback count=1000 mean_us=1500 least_us=900 p50_us=1400 p99_us=2500 verified',
      {
        kind: 'result',
        test: 'ping',
        route: 'loopback',
        figures: { kind: 'ping', count: 1000, meanUs: 1500, leastUs: 900, p50Us: 1400, p99Us: 2500 },
      },
    ],
    [
      'vsock bench: FAILED stream via=device write=8: write ECONNRESET (104)',
      { kind: 'failed', reason: 'stream via=device write=8: write ECONNRESET (104)' },
    ],
    ['vsock send: FAILED killed by signal 11', { kind: 'failed', reason: 'killed by signal 11' }],
  ] as const)('%s', ([text, line]) => {
    expect(parseBenchLine(text)).toEqual(line);
  });

  test.for([
    'vsock bench: stream via=device write=16384 bytes=67108864 us=512345',
    'vsock bench: stream via=device write=16384 bytes=67108864 us= verified',
    'vsock bench: ping via=device count=1000 mean_us=1500 verified',
    'vsock bench: stream via=elsewhere write=16384 bytes=8 us=1 verified',
    '[    2.1] vsock bench: done',
    'VSOCK INIT|INFO: module vsock.ko: ENOENT (2)',
  ])('%s is none', (text) => {
    expect(parseBenchLine(text)).toBeUndefined();
  });
});

const stream = (mibPerS: number): Figures => ({
  kind: 'stream',
  bytes: 64 * 2 ** 20,
  durationUs: (64 / mibPerS) * 1e6,
});
const ping = (meanUs: number): Figures => ({
  kind: 'ping',
  count: 1000,
  meanUs,
  leastUs: 500,
  p50Us: 1000,
  p99Us: 9000,
});

describe('tables', () => {
  const of = (
    run: number,
    backend: Sample['backend'],
    route: Sample['route'],
    figures: Figures,
    cpuS = 0,
  ): Sample => ({
    run,
    backend,
    route,
    figures,
    cpuS,
    client: {},
    server: {},
    test: figures.kind === 'ping' ? 'ping' : 'stream 3600',
  });

  it("shows medians, and ratios of each run's own figures", () => {
    const samples = [
      of(1, 'ours', 'loopback', stream(200)),
      of(1, 'ours', 'device', stream(100), 0.1),
      of(1, 'vhost-device-vsock', 'loopback', stream(1)),
      of(1, 'vhost-device-vsock', 'device', stream(10), 1),
      of(2, 'ours', 'loopback', stream(20)),
      of(2, 'ours', 'device', stream(20), 0.3),
      of(2, 'vhost-device-vsock', 'device', stream(5), 2),
      of(3, 'ours', 'loopback', stream(100)),
      of(3, 'ours', 'device', stream(60), 0.2),
      of(3, 'vhost-device-vsock', 'device', stream(2), 3),
      { ...of(3, 'ours', 'device', stream(6.25), 0.2), test: 'stream 262144' },
      of(1, 'ours', 'loopback', ping(1000)),
      of(1, 'ours', 'device', ping(2000), 0.05),
    ];
    expect(renderTables(samples).split('\n')).toEqual([
      '| 64 MiB stream, MiB/s | ours | its CPU s | loopback | ours / loopback | vhost-device-vsock | its CPU s | ours / vhost-device-vsock |',
      '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
      // 100/200, 20/20, 60/100; 100/10, 20/5, 60/2
      '| writes of 3600 B | 60 | 0.20 | 100 | 0.60 | 5.0 | 2.00 | 10.00 |',
      '| writes of 256 KiB | 6.3 | 0.20 | – | – | – | – | – |',
      '',
      '| 1 byte there and back, 1000 times, µs | ours | its CPU s | loopback | ours / loopback | vhost-device-vsock | its CPU s | ours / vhost-device-vsock |',
      '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
      '| mean (least, 99th percentile) | 2000 (500, 9000) | 0.05 | 1000 (500, 9000) | 0.50 | – | – | – |',
      '',
    ]);
  });

  it('has a median', () => {
    expect(median([5])).toBe(5);
    expect(median([9, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });
});

it("reads a process's seconds", () => {
  const before = cpuSecondsOf(process.pid);
  expect(before).toBeGreaterThan(0);
  for (const startS = process.cpuUsage().user / 1e6; process.cpuUsage().user / 1e6 < startS + 0.1; );
  const used = cpuSecondsOf(process.pid) - before;
  expect(used).toBeGreaterThan(0.05);
  expect(cpuSecondsOf(2 ** 30)).toBe(0);
});

describe('the command line', () => {
  const bench = (...words: string[]) =>
    spawnSync(process.execPath, ['bench/run.mjs', ...words], {
      cwd: new URL('../..', import.meta.url).pathname,
      encoding: 'utf8',
    });

  test('an unknown benchmark', () => {
    const { status, stderr } = bench('nothing');
    expect(status).toBe(2);
    expect(stderr).toMatch(/^benchmarks: .*\bvsock\b/m);
  });

  test.for([
    [['--bytes', '12'], "--bytes is '12', expected a multiple of 8 from 8 to 4294967288"],
    [['--writes', '3600,,8'], "--writes is '', expected a multiple of 8 from 8 to 1048576"],
    [['--runs', '0'], "--runs is '0', expected a number from 1 to 100"],
    [['--only', 'pong'], "--only is 'pong', expected stream or ping"],
    [['--ring-bytes', '12'], "--ring-bytes is '12', expected a multiple of 4096 from 4096 to 1073741824"],
    [['--speed'], "Unknown option '--speed'"],
  ] as const)('%s', ([words, message]) => {
    const { status, stderr, stdout } = bench('vsock', ...words);
    expect(stderr).toContain(`error[BEN101]: ${message}`);
    expect(stderr).not.toContain(' at ');
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});
