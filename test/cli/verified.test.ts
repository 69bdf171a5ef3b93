// SPDX-License-Identifier: BSD-2-Clause
import { expect, it } from 'vitest';
import { describeVerified } from '../../cli/verified.ts';

const verified = { kind: 'verified', hash: 'abc', bytes: 32768 } as const;

it('one transfer is one line', () => {
  const transfers = [{ from: 'b', to: 'a', bytes: 32768, durationUs: 3214 }];
  expect(describeVerified({ ...verified, transfers })).toEqual({
    transfers: [],
    summary: '32768 bytes in 3.2 ms (9.7 MiB/s), hash abc, both guests agree',
  });
});

it('a ring is a line for each, and one for all', () => {
  const transfers = [
    { from: 'a', to: 'c', bytes: 32768, durationUs: 1000 },
    { from: 'b', to: 'a', bytes: 32768, durationUs: 12_345_678 },
    { from: 'c', to: 'b', bytes: 32768, durationUs: 0 },
  ];
  expect(describeVerified({ ...verified, transfers })).toEqual({
    transfers: [
      'a to c: 32768 bytes in 1.0 ms (31.3 MiB/s)',
      'b to a: 32768 bytes in 12345.7 ms (0.003 MiB/s)',
      'c to b: 32768 bytes in 0.0 ms',
    ],
    summary: '3 transfers of 32768 bytes, hash abc, all 3 guests agree',
  });
});
