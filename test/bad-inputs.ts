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

/** What a test is called by; of a table, beside rows of the catalogue there may be others. */
interface Title extends Row {
  readonly isOfTable: boolean;
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

/**
 * The names that tests of `source` have: what stands at the head of string literals, and for `[Section] %s` the first
 * words of the rows of the table in front of it. Semicolons join several rows that one test covers.
 */
export function titlesIn(source: string): readonly Title[] {
  const literal =
    /(?<call>\b(?:it|test|describe)\.(?:skip|todo)\()?\s*(['"`])\[([^\]\n]+)\] ((?:\\.|(?!\2)[^\\\n])+)\2/g;
  const written = [...source.matchAll(literal)].flatMap((match) => {
    const [, skipped, , section = '', text = ''] = match;
    if (skipped !== undefined) return [];
    const [items = ''] = unescaped(text).split(/:(?: |$)/);
    if (items.startsWith('%')) return [];
    return items.split('; ').map((item) => ({ section, item: plain(item), isOfTable: false }));
  });
  return [...written, ...titlesOfTables(source)];
}

function titlesOfTables(source: string): readonly Title[] {
  return source.split(/\b(?:it|test)\.(?:each|for)\b/).flatMap((text) => {
    // The first call of what `each` gave: its title.
    const end = /\]\s*(?:as const)?\s*\)\(\s*['"`](?:\[([^\]\n]+)\] %[sd])?/.exec(text);
    const section = end?.[1];
    if (end === null || section === undefined) return [];
    const table = text.slice(0, end.index);
    const heads = [...table.matchAll(/\[\s*(['"`])((?:\\.|(?!\1)[^\\\n])+)\1\s*,/g)].map(
      ([, , head = '']) => head,
    );
    const numbers = /^\(\[[\d, ]*$/.test(table) ? (table.match(/\d+/g) ?? []) : [];
    return [...heads, ...numbers].map((item) => ({ section, item: plain(unescaped(item)), isOfTable: true }));
  });
}

const unescaped = (text: string): string => text.replace(/\\(.)/g, '$1');

/** Whether a test of that title is the row's: the same words; what the row has in parentheses may be left out. */
export function isTestOf(title: Row, row: Row): boolean {
  if (title.section !== row.section) return false;
  const words = title.item.toLowerCase();
  const wanted = row.item.toLowerCase();
  return words === wanted || words === plain(wanted.replace(/\([^()]*[a-z.][^()]*\)/g, ''));
}

/** Titles of all test sources below `directory`. */
export const titlesBelow = (directory: string): readonly Title[] =>
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
