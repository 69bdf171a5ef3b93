// SPDX-License-Identifier: BSD-2-Clause
// What is made of the guests' lines in the run of Linux's vsock_test.
import { describe, expect, test } from 'vitest';
import { judgeSuite, parseSuiteLine, type Way, type WayResult } from './suite-lines.ts';

const mask = (...tests: readonly number[]): string =>
  tests
    .reduce((bits, test) => bits | (1n << BigInt(test)), 0n)
    .toString(16)
    .padStart(16, '0');

const resultLine = (way: string, passed: string, skipped: string, failed: string, end: string): string =>
  `vsock suite: result way=${way} passed=${passed} skipped=${skipped} failed=${failed} ${end}`;

describe('lines of the guests', () => {
  test('tests, results and failures', () => {
    expect(parseSuiteLine('vsock suite: list tests| 16\tSOCK_STREAM SHUT_WR')).toEqual({
      kind: 'test',
      test: 16,
      name: 'SOCK_STREAM SHUT_WR',
    });
    expect(parseSuiteLine(resultLine('serve', mask(0, 63), mask(1), mask(2, 3), 'complete'))).toEqual({
      kind: 'result',
      result: {
        way: 'serve',
        passed: new Set([0, 63]),
        skipped: new Set([1]),
        failed: new Set([2, 3]),
        isComplete: true,
      },
    });
    expect(parseSuiteLine('vsock suite: FAILED wait for orders ETIMEDOUT (110)')).toEqual({
      kind: 'failed',
      reason: 'wait for orders ETIMEDOUT (110)',
    });
    expect(parseSuiteLine('vsock recv: FAILED killed by signal 11')).toMatchObject({ kind: 'failed' });
  });

  test.for([
    'vsock suite: serve server| 5 - SOCK_STREAM MSG_PEEK...ok',
    'vsock suite: list tests| ID\tTest name',
    resultLine('elsewhere', mask(1), mask(), mask(), 'complete'),
    resultLine('serve', '1', mask(), mask(), 'complete'),
    '[   12.1] vsock suite: done',
  ])('%s is none', (text) => {
    expect(parseSuiteLine(text)).toBeUndefined();
  });
});

const names = new Map([
  [0, 'reset'],
  [1, 'bind'],
  [2, 'close'],
]);

const resultOf = (way: Way, passed: readonly number[], failed: readonly number[] = []): WayResult => ({
  way,
  passed: new Set(passed),
  skipped: new Set(),
  failed: new Set(failed),
  isComplete: true,
});

describe('the verdict', () => {
  test('what fails over the loopback is not expected of the device', () => {
    const verdict = judgeSuite(names, [
      resultOf('loopback', [0, 2], [1]),
      resultOf('serve', [0, 2], [1]),
      resultOf('connect', [0, 1, 2]),
    ]);
    expect(verdict.isWell).toBe(true);
    expect(verdict.lines).toEqual([
      "vsock_test: 2 of 3 expected passed: the kernel's own loopback (baseline)",
      '  failed: 1 bind',
      'vsock_test: 2 of 2 expected passed: server in the first guest, client in the second',
      'vsock_test: 2 of 2 expected passed: client in the first guest, server in the second',
    ]);
  });

  test('what passes over the loopback only is named', () => {
    const verdict = judgeSuite(names, [
      resultOf('loopback', [0, 1, 2]),
      resultOf('serve', [0, 2], [1]),
      resultOf('connect', [0]),
    ]);
    expect(verdict.isWell).toBe(false);
    expect(verdict.lines.slice(1)).toEqual([
      'vsock_test: 2 of 3 expected passed: server in the first guest, client in the second',
      '  failed: 1 bind',
      'vsock_test: 1 of 3 expected passed: client in the first guest, server in the second',
      '  not run: 1 bind',
      '  not run: 2 close',
    ]);
  });

  test('no baseline, no way, no test: nothing was shown', () => {
    const serve = resultOf('serve', [0, 1, 2]);
    const connect = resultOf('connect', [0, 1, 2]);
    const loopback = resultOf('loopback', [0, 1, 2]);
    expect(judgeSuite(names, [serve, connect]).isWell).toBe(false);
    expect(judgeSuite(names, [loopback, serve]).isWell).toBe(false);
    expect(judgeSuite(new Map(), [loopback, serve, connect]).isWell).toBe(false);
    expect(judgeSuite(names, [resultOf('loopback', []), serve, connect]).isWell).toBe(false);
  });
});
