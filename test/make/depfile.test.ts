// SPDX-License-Identifier: BSD-2-Clause
// The dialect of make that clang writes, by example, by property, and by clang itself.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseDepfile } from '../../make/depfile.ts';
import { searchTools } from '../../make/tools/find.ts';
import { requireOrSkip } from '../require.ts';
import { scratchDir, write } from './scratch.ts';

const cases: readonly (readonly [string, string, readonly string[]])[] = [
  ['one line', 'x.o: x.c x.h\n', ['x.c', 'x.h']],
  ['continued lines', 'x.o: x.c \\\n  a.h \\\n  b.h\n', ['x.c', 'a.h', 'b.h']],
  ['line ends of DOS', 'x.o: x.c \\\r\n  a.h\r\n', ['x.c', 'a.h']],
  ['no last line end', 'x.o: x.c', ['x.c']],
  ['no space before the continuation', 'x.o: x.c\\\n a.h\n', ['x.c', 'a.h']],
  ['a space', 'x.o: a\\ b.c\n', ['a b.c']],
  ['a hash and a dollar', 'x.o: a\\#b.c $$c.h\n', ['a#b.c', '$c.h']],
  ['backslashes that mean themselves', 'x.o: a\\b.c\n', ['a\\b.c']],
  ['a backslash in front of a space', 'x.o: a\\\\\\ b.c\n', ['a\\ b.c']],
  ['a target with a colon', 'c:x.o: x.c\n', ['x.c']],
  ['a prerequisite with a colon', 'x.o: a:b.h\n', ['a:b.h']],
  ['the empty rules of -MP', 'x.o: x.c a.h\n\na.h:\n', ['x.c', 'a.h']],
  ['one file twice', 'x.o: x.c x.c\n', ['x.c']],
  ['nothing', '', []],
];
it.each(cases)('reads %s', (_, text, names) => {
  expect(parseDepfile(text)).toEqual(names);
});

/** As clang's DependencyFile.cpp writes a name: backslashes in front of a space or hash are doubled, others are not. */
const escapeName = (name: string): string =>
  name.replaceAll(/(\\*)([ #])/g, '$1$1\\$2').replaceAll('$', '$$$$');

it('gives back any name that is written as clang writes it', () => {
  const name = fc
    .string({ unit: fc.constantFrom('a', ' ', '#', '$', '\\', ':', 'ü', '.', '/'), minLength: 1 })
    // A backslash at the end would continue the line, or escape the blank that follows; clang cannot write it either.
    .filter((text) => !text.endsWith('\\') && !text.endsWith(':'));
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 1 }), (names) => {
      expect(parseDepfile(`x.o: ${names.map(escapeName).join(' \\\n  ')}\n`)).toEqual(names);
    }),
    { numRuns: 2000 },
  );
});

it('reads any text to its end', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\\', '\n', '\r', ' ', ':', '$', 'a', '#') }), (text) => {
      parseDepfile(text);
    }),
    { numRuns: 2000 },
  );
});

it('reads what clang writes for odd names', async (ctx) => {
  const { found } = await searchTools(['clang'], process.env);
  const clang = found.get('clang')?.path;
  requireOrSkip(ctx, 'clang', clang !== undefined, 'no clang on PATH');
  const directory = scratchDir('a dir');
  // No backslashes: clang writes them as slashes, so such a name is never found again and its step always runs.
  for (const name of ['sp ace.h', 'ha#sh.h', 'dol$lar.h', `quo'te.h`, 'ünï.h', 'co:lon.h', '  two.h']) {
    write(directory, name, '');
    const source = write(directory, 'x.c', `#include "${join(directory, name)}"\n`);
    execFileSync(clang ?? '', ['-c', source, '-o', 'x.o', '-MD', '-MF', 'x.d'], { cwd: directory });
    const text = readFileSync(join(directory, 'x.d'), 'utf8');
    expect(parseDepfile(text)).toEqual([source, join(directory, name)]);
  }
});
