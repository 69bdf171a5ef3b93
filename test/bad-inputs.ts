// SPDX-License-Identifier: BSD-2-Clause
// The catalogue of bad inputs and the tests that carry its rows' names. A row is one item of a section's **Bad:** list; its
// test is called `[Section] item: what is required`.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Row {
  readonly section: string;
  /** As the catalogue writes it, without Markdown and line breaks. */
  readonly item: string;
}

/**
 * The rows of `sections`, in the catalogue's order. Items stand between semicolons; what has commas inside of one stays
 * one row. A list without any semicolon is split at its commas.
 */
export function parseCatalogue(markdown: string, sections: readonly string[]): readonly Row[] {
  return sections.flatMap((section) => {
    const list = badList(markdown, section);
    const separator = list.includes(';') ? ';' : ',';
    return list
      .replace(/\.\s*$/, '')
      .split(separator)
      .map((item) => ({ section, item: plain(item) }));
  });
}

/** The names that stand at the head of string literals in `source`: titles, and rows of tables that become titles. */
export function titlesIn(source: string): readonly Row[] {
  const literal =
    /(?<call>\b(?:it|test|describe)\.(?:skip|todo)\()?\s*(['"`])\[([^\]\n]+)\] ((?:\\.|(?!\2)[^\\\n])+)\2/g;
  return [...source.matchAll(literal)].flatMap((match) => {
    const [, skipped, , section = '', text = ''] = match;
    if (skipped !== undefined) return [];
    const [item = ''] = text.replace(/\\(.)/g, '$1').split(/:(?: |$)/);
    return [{ section, item: plain(item) }];
  });
}

/** Whether a test of that title is the row's: the same words; what the row has in parentheses may be left out. */
export function isTestOf(title: Row, row: Row): boolean {
  if (title.section !== row.section) return false;
  const words = title.item.toLowerCase();
  const wanted = row.item.toLowerCase();
  return words === wanted || words === plain(wanted.replace(/\([^()]*[a-z.][^()]*\)/g, ''));
}

/** Titles of all test sources below `directory`. */
export const titlesBelow = (directory: string): readonly Row[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !name.endsWith('bad-inputs.test.ts'))
    .flatMap((name) => titlesIn(readFileSync(join(directory, name), 'utf8')));

export const nameOf = ({ section, item }: Row): string => `[${section}] ${item}`;

function badList(markdown: string, section: string): string {
  const lines = markdown.split('\n');
  const from = lines.indexOf(`### ${section}`);
  if (from < 0) throw new Error(`the catalogue has no section '${section}'`);
  const start = lines.findIndex((line, at) => at > from && line.startsWith('* **Bad:** '));
  const end = lines.findIndex((line, at) => at > start && /^(\* |#|$)/.test(line));
  return lines.slice(start, end).join(' ').replace('* **Bad:** ', '');
}

/** Without Markdown; powers as one types them: 2⁵³ is 2^53. */
const plain = (text: string): string =>
  text
    .replaceAll('`', '')
    .replace(/[⁰¹²³⁴⁵⁶⁷⁸⁹]+/g, (power) => `^${power.normalize('NFKC')}`)
    .replace(/\s+/g, ' ')
    .trim();
