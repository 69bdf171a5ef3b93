// SPDX-License-Identifier: BSD-2-Clause
import { describe, expect, it } from 'vitest';
import { escapeXml, fitCells, wrapCells } from '../../../make/launch/picture-text.ts';

describe('fitCells', () => {
  it('leaves alone what fits, and cuts the rest with an ellipsis', () => {
    expect(fitCells('verified', 8)).toEqual({ text: 'verified', cells: 8 });
    expect(fitCells('verified!', 8)).toEqual({ text: 'verifie…', cells: 8 });
    expect(fitCells('', 8)).toEqual({ text: '', cells: 0 });
  });

  it('counts wide characters double, and cuts none in half', () => {
    expect(fitCells('漢字テスト', 10)).toEqual({ text: '漢字テスト', cells: 10 });
    expect(fitCells('漢字テスト', 9)).toEqual({ text: '漢字テス…', cells: 9 });
    expect(fitCells('漢字テスト', 8)).toEqual({ text: '漢字テ…', cells: 7 });
    expect(fitCells('🚀🚀', 3)).toEqual({ text: '🚀…', cells: 3 });
  });

  it('takes away what is invisible, and replaces what XML cannot hold', () => {
    expect(fitCells('a\0b\x1bc\u202ed\u200de\ufefff', 9).text).toBe('abcdef');
    expect(fitCells('\ud800x\udfff\uffff\ue000', 9).text).toBe('\ufffdx\ufffd\ufffd\ufffd');
    expect(fitCells('a\u2028b', 9).text).toBe('a b');
  });

  it('sets tabs', () => {
    expect(fitCells('ab\tc\t', 20)).toEqual({ text: `ab      c${' '.repeat(7)}`, cells: 16 });
  });

  it('leaves a letter one mark, and none without a letter', () => {
    expect(fitCells('\u0301e\u0301\u0302\u0303x', 9)).toEqual({ text: 'e\u0301x', cells: 2 });
    expect(fitCells('\t\u0301', 9).text).toBe(' '.repeat(8));
  });

  it('reads no more of an endless line than it must', () => {
    expect(fitCells(`${'\u200b'.repeat(1_000_000)}a`, 10)).toEqual({ text: '…', cells: 1 });
    expect(fitCells('漢'.repeat(1_000_000), 1)).toEqual({ text: '…', cells: 1 });
  });
});

describe('wrapCells', () => {
  it('breaks at blanks, inside of a word where there is none', () => {
    expect(wrapCells('one two three four', 9, 3).map(({ text }) => text)).toEqual([
      'one two',
      'three',
      'four',
    ]);
    expect(wrapCells('abcdefghijkl', 5, 3).map(({ text }) => text)).toEqual(['abcde', 'fghij', 'kl']);
    expect(wrapCells('abc', 5, 3)).toEqual([{ text: 'abc', cells: 3 }]);
  });

  it('ends with an ellipsis when the rows are full', () => {
    expect(wrapCells('abcdefghijkl', 5, 2).map(({ text }) => text)).toEqual(['abcde', 'fghi…']);
    expect(wrapCells('漢字', 1, 2)).toHaveLength(2);
  });
});

it('escapes for text and attributes', () => {
  expect(escapeXml(`<a b="c" d='e'>]]>&`)).toBe('&lt;a b=&quot;c&quot; d=&apos;e&apos;&gt;]]&gt;&amp;');
});
