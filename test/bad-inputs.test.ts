// SPDX-License-Identifier: BSD-2-Clause
// Every row of the catalogue of bad inputs has a test of its name, or a reason why it cannot have one.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isTestOf, nameOf, parseCatalogue, type Row, titlesBelow, titlesIn } from './bad-inputs.ts';
import { requireOrSkip } from './require.ts';

const sections = [
  'Command line',
  'Environment',
  'Board file',
  'Device tree blob',
  'Kernel image',
  'Initramfs',
  'SDK directory',
  'Archives',
  'HTTP',
  'Disk',
  'Signals',
  'Concurrency',
  'Toolchain',
  'QEMU',
  'Paths',
  'Time, reproducibility',
];

/** Rows that do not apply, and why. */
const notApplicable: Readonly<Record<string, string>> = {};

const root = join(import.meta.dirname, '..');
const catalogue = join(process.env['VMBUILD_SHARED'] ?? join(root, '../shared'), 'facts/bad-inputs.md');

it('every row of the catalogue has a test of its name', (ctx) => {
  requireOrSkip(ctx, 'conformance', existsSync(catalogue), `'${catalogue}' is not there`);
  const rows = parseCatalogue(readFileSync(catalogue, 'utf8'), sections);
  const titles = titlesBelow(join(root, 'test'));
  const isTested = (row: Row): boolean => titles.some((title) => isTestOf(title, row));
  const tested = rows.filter(isTested);
  const excused = Object.keys(notApplicable);
  process.stderr.write(
    `bad inputs: ${tested.length} of ${rows.length} rows have a test of their name; ${excused.length} do not apply\n`,
  );
  expect({
    withoutTest: rows
      .filter((row) => !isTested(row))
      .map(nameOf)
      .filter((name) => !excused.includes(name)),
    // A title that no row has is misspelt; an excuse that nobody needs is out of date.
    titlesWithoutRow: titles
      .filter(({ section, isOfTable }) => sections.includes(section) && !isOfTable)
      .filter((title) => !rows.some((row) => isTestOf(title, row)))
      .map(nameOf),
    uselessExcuses: excused.filter((name) => !rows.some((row) => nameOf(row) === name && !isTested(row))),
  }).toEqual({ withoutTest: [], titlesWithoutRow: [], uselessExcuses: [] });
});

describe('the catalogue', () => {
  const text = [
    '### Kernel image',
    "* **Bad:** gzip'd Image.gz; CONFIG_A or",
    '  B missing, or `=m` without the modules; EFI zboot (MZ + `zimg`).',
    '* **Others:** one; two.',
    '',
    '### Paths',
    '* **Bad:** spaces, `$()`, `-o` a directory.',
    '* **Required:** no.',
  ].join('\n');

  it('is split at semicolons, or at commas where there are none', () => {
    expect(parseCatalogue(text, ['Kernel image', 'Paths']).map(nameOf)).toEqual([
      "[Kernel image] gzip'd Image.gz",
      '[Kernel image] CONFIG_A or B missing, or =m without the modules',
      '[Kernel image] EFI zboot (MZ + zimg)',
      '[Paths] spaces',
      '[Paths] $()',
      '[Paths] -o a directory',
    ]);
    expect(() => parseCatalogue(text, ['HTTP'])).toThrow("no section 'HTTP'");
  });

  it('finds titles in any quotes and in tables, but not in what is skipped or in comments', () => {
    const source = [
      `it("[Kernel image] gzip'd Image.gz: is named", () => {});`,
      "it('[Paths] `$()`: stays', () => {});",
      "it.each([['[Paths] spaces: fine', 1]])('%s', () => {});",
      "it('[Paths] Windows \\\\: no', () => {});",
      "it.skip('[Paths] newline: later', () => {});",
      "it.todo('[Paths] quotes');",
      '// [Paths] trailing slash: said only',
      "it('an array [0] of things', () => {});",
    ].join('\n');
    expect(titlesIn(source).map(nameOf)).toEqual([
      "[Kernel image] gzip'd Image.gz",
      '[Paths] $()',
      '[Paths] spaces',
      '[Paths] Windows \\',
    ]);
  });

  it('finds what the rows of a table begin with, if that is the title; several rows in one title', () => {
    const source = [
      "it.each([401, 404])('[HTTP] %d: refused', () => {});",
      "it.each([['other', 1]])('%s is of no section', () => {});",
      'it.for<[string, RegExp]>([',
      "  ['refused', [1, 'x']],",
      '  [',
      "    'DNS failure',",
      '    2,',
      '  ],',
      "])('[HTTP] %s: one try', () => {});",
      "it('[HTTP] 403; 5xx: both', () => {});",
    ].join('\n');
    expect(titlesIn(source).map(nameOf).toSorted()).toEqual([
      '[HTTP] 401',
      '[HTTP] 403',
      '[HTTP] 404',
      '[HTTP] 5xx',
      '[HTTP] DNS failure',
      '[HTTP] refused',
    ]);
  });

  it('takes the whole item, parentheses aside, in any case; a part of it is another row', () => {
    const row = { section: 'Kernel image', item: 'EFI zboot (MZ + zimg)' };
    expect(isTestOf({ section: 'Kernel image', item: 'EFI zboot' }, row)).toBe(true);
    expect(isTestOf({ section: 'Kernel image', item: 'efi zboot (MZ + zimg)' }, row)).toBe(true);
    expect(isTestOf({ section: 'Kernel image', item: 'EFI' }, row)).toBe(false);
    expect(isTestOf({ section: 'Initramfs', item: 'EFI zboot' }, row)).toBe(false);
    // `$()` is no remark that could be left out.
    expect(isTestOf({ section: 'Paths', item: '$' }, { section: 'Paths', item: '$()' })).toBe(false);
  });
});
