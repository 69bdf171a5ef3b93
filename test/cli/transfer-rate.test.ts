// SPDX-License-Identifier: BSD-2-Clause
// Rate and time to go from samples, and the line that shows them.
import { describe, expect, it } from 'vitest';
import { describeProgress } from '../../cli/fetch-progress.ts';
import { formatEta, makeTransferRate } from '../../cli/transfer-rate.ts';

const mebibyte = 2 ** 20;

describe('the rate', () => {
  it('is not said before there is enough to go by', () => {
    const rate = makeTransferRate();
    expect(rate.bytesPerSecond).toBeUndefined();
    rate.note(0, 0);
    rate.note(1000, 100);
    expect(rate.bytesPerSecond).toBeUndefined();
  });

  it('does not count what an earlier run brought', () => {
    const rate = makeTransferRate();
    rate.note(1_000_000, 0);
    rate.note(1_001_000, 1000);
    expect(rate.bytesPerSecond).toBe(1000);
  });

  it('is that of the last seconds: a line that stands still shows', () => {
    const rate = makeTransferRate(5_000);
    for (let atMs = 0; atMs <= 20_000; atMs += 10) rate.note(atMs * 100, atMs);
    expect(rate.bytesPerSecond).toBe(100_000);
    for (let atMs = 20_010; atMs <= 26_000; atMs += 10) rate.note(2_000_000, atMs);
    expect(rate.bytesPerSecond).toBe(0);
  });

  it('begins anew where the file does', () => {
    const rate = makeTransferRate();
    rate.note(0, 0);
    rate.note(9_000_000, 1000);
    rate.note(0, 2000);
    expect(rate.bytesPerSecond).toBeUndefined();
    rate.note(1000, 3000);
    expect(rate.bytesPerSecond).toBe(1000);
  });
});

it.each([
  [0, 1, '0:00'],
  [6500, 1000, '0:07'],
  [754_000, 1000, '12:34'],
  [3_723_000, 1000, '1:02:03'],
  [1, 0, undefined],
  [1e12, 1, undefined],
])('%d bytes at %d B/s: %s', (rest, rate, expected) => {
  expect(formatEta(rest, rate)).toBe(expected);
});

describe('the line', () => {
  const progress = { name: 'Microkit SDK 2.3.0', stage: 'download' as const, doneBytes: 20 * mebibyte };

  it('has a bar, amounts, rate and time to go', () => {
    expect(describeProgress({ ...progress, totalBytes: 80 * mebibyte }, 5 * mebibyte)).toBe(
      'Microkit SDK 2.3.0 [===>        ] 20.0 of 80.0 MiB (25 %), 5.0 MiB/s, 0:12 to go',
    );
    expect(
      describeProgress({ ...progress, doneBytes: 80 * mebibyte, totalBytes: 80 * mebibyte }, 5),
    ).toContain('[============] 80.0 of 80.0 MiB (100 %)');
  });

  it('says less where less is known', () => {
    expect(describeProgress(progress, undefined)).toBe('Microkit SDK 2.3.0 20.0 MiB');
    expect(describeProgress({ ...progress, stage: 'unpack', totalBytes: 40 * mebibyte }, undefined)).toBe(
      'Microkit SDK 2.3.0: unpacking [======>     ] 20.0 of 40.0 MiB (50 %)',
    );
  });
});
