// SPDX-License-Identifier: BSD-2-Clause
// What a misspelt name meant.

import { expect, test } from 'vitest';
import { didYouMean } from '../../meta/index.ts';

test.each([
  ['maxboard', ['odroidc4', 'maaxboard'], "did you mean 'maaxboard'?"],
  ['ab', ['xyz', 'ac'], "did you mean 'ac'?"],
  ['uart', ['pl011@9000000', 'timer'], "use one of 'pl011@9000000', 'timer'"],
  ['x', [], 'there is none'],
])('%s of %j', (wanted, known, hint) => {
  expect(didYouMean(wanted, known)).toBe(hint);
});

test('a long list is cut', () => {
  const known = Array.from({ length: 9 }, (_, i) => `candidate${i}`);
  expect(didYouMean('zzzzzzzzzzzz', known)).toMatch(/'candidate7', …$/);
});
