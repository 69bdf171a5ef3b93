// SPDX-License-Identifier: BSD-2-Clause
// docs/errors.md explains exactly the codes that the sources can print, each once, families and codes in order.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const sources = ['meta', 'make', 'linux', 'boards', 'cli', 'bench'];

/** What looks like a code in the sources and is none. */
const noCodes = [
  'NET404', // the example in the comment above `refuse`
  'SHA256', // a field of apt's package lists
  'SHA512',
];

const text = readFileSync(join(root, 'docs/errors.md'), 'utf8');
const headings = [...text.matchAll(/^## (([A-Z]+): .*)$/gm)].map(([, title = '', family = '']) => ({
  title,
  family,
}));
const documented = [...text.matchAll(/^\*\*([A-Z]+)([0-9]{3})\*\*/gm)].map(
  ([, family = '', number = '']) => ({
    code: family + number,
    family,
  }),
);

describe('docs/errors.md', () => {
  test('explains every code of the sources, and no other', () => {
    const known = new Set(documented.map(({ code }) => code));
    const printed = codesOfSources();
    expect({
      missingInTheDocument: [...printed].filter((code) => !known.has(code)).toSorted(),
      unknownToTheSources: [...known].filter((code) => !printed.has(code)).toSorted(),
    }).toEqual({ missingInTheDocument: [], unknownToTheSources: [] });
  });

  test('explains each code once', () => {
    const codes = documented.map(({ code }) => code);
    expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
  });

  test('explains codes in order, each below the heading of its family', () => {
    const families = headings.map(({ family }) => family);
    expect(families).toEqual([...new Set(families)].toSorted());
    const expected = families.flatMap((family) =>
      documented
        .filter((entry) => entry.family === family)
        .map(({ code }) => code)
        .toSorted(),
    );
    expect(codesBelowHeadings()).toEqual(expected);
    expect(documented.map(({ code }) => code)).toEqual(expected);
  });

  test('introduces each family by a line of prose', () => {
    const bare = [...text.matchAll(/^## (\w+): .*\n\n(?=\*\*|#)/gm)].map(([, family]) => family);
    expect(bare).toEqual([]);
  });

  test('each code has one short paragraph', () => {
    const wrong = text
      .split(/\n\n+/)
      .filter((paragraph) => /^\*\*[A-Z]+[0-9]{3}\*\*/.test(paragraph))
      .filter((paragraph) => paragraph.length < 40 || paragraph.length > 600)
      .map((paragraph) => `${paragraph.slice(0, 12)}: ${paragraph.length} characters`);
    expect(wrong).toEqual([]);
    // Nothing but a code starts a paragraph below a family's introduction.
    const strays = text
      .slice(text.indexOf('\n## '))
      .split(/^## .*\n\n/m)
      .slice(1)
      .flatMap((section) => section.trim().split(/\n\n+/).slice(1))
      .filter((paragraph) => !/^\*\*[A-Z]+[0-9]{3}\*\*/.test(paragraph));
    expect(strays).toEqual([]);
  });

  test('links to each family at its head', () => {
    const links = [...text.matchAll(/\[([A-Z]+)\]\(#([\w-]+)\)/g)].map(([, family, anchor]) => ({
      family,
      anchor,
    }));
    expect(links).toEqual(headings.map(({ family, title }) => ({ family, anchor: anchorOf(title) })));
  });
});

function codesOfSources(): Set<string> {
  const files = sources.flatMap((directory) =>
    readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  const found = [...files, join(root, 'Makefile.ts')].flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/'([A-Z]{3,5}[0-9]{3})'/g)].map(([, code = '']) => code),
  );
  return new Set(found.filter((code) => !noCodes.includes(code)));
}

/** The document's codes that stand below the heading of their own family. */
function codesBelowHeadings(): string[] {
  return text
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const family = /^[A-Z]+/.exec(section)?.[0] ?? '';
      return [...section.matchAll(/^\*\*([A-Z]+[0-9]{3})\*\*/gm)]
        .map(([, code = '']) => code)
        .filter((code) => code.replace(/[0-9]+$/, '') === family);
    });
}

/** As GitHub makes them: lower case, spaces to hyphens, no punctuation. */
const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replaceAll(' ', '-');
