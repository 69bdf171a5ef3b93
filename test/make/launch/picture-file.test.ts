// SPDX-License-Identifier: BSD-2-Clause
import { execFileSync } from 'node:child_process';
import { linkSync, lstatSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkPicturePlace, writePicture } from '../../../make/launch/picture-file.ts';
import { read, scratchDir, write } from '../scratch.ts';

it('replaces the file, and leaves nothing beside it', () => {
  const directory = scratchDir();
  const path = write(directory, 'log.svg', 'old');
  expect(checkPicturePlace(path)).toEqual([]);
  linkSync(path, join(directory, 'before.svg'));
  expect(writePicture(path, '<svg/>')).toEqual([]);
  expect(read(directory, 'log.svg')).toBe('<svg/>');
  // It was replaced as a whole: nobody sees a half of it.
  expect(read(directory, 'before.svg')).toBe('old');
  expect(readdirSync(directory)).toEqual(['before.svg', 'log.svg']);
});

it('makes it where none was', () => {
  const directory = scratchDir();
  expect(writePicture(join(directory, 'log.svg'), '<svg/>')).toEqual([]);
  expect(readdirSync(directory)).toEqual(['log.svg']);
});

it('a link stays one', () => {
  const directory = scratchDir();
  mkdirSync(join(directory, 'docs'));
  write(directory, 'docs/log.svg', 'old');
  const link = join(directory, 'link.svg');
  symlinkSync('docs/log.svg', link);
  expect(writePicture(link, '<svg/>')).toEqual([]);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(read(directory, 'docs/log.svg')).toBe('<svg/>');
});

it('a place that cannot be written is one diagnostic that names it and says why', () => {
  const directory = scratchDir();
  write(directory, 'file', 'mine');
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const cases: readonly (readonly [string, RegExp])[] = [
    [join(directory, 'none', 'log.svg'), /ENOENT/],
    [join(directory, 'file', 'log.svg'), /'.*file' is no directory/],
    [directory, /it is there and is no file/],
    [pipe, /it is there and is no file/],
    [join(directory, `${'x'.repeat(300)}.svg`), /ENAMETOOLONG/],
  ];
  for (const [path, reason] of cases) {
    const findings = checkPicturePlace(path);
    expect(findings).toMatchObject([
      { code: 'RUN106', severity: 'error', hint: expect.stringMatching(/^name /) },
    ]);
    expect(findings[0]?.message).toContain(`'${path}'`);
    expect(findings[0]?.message).toMatch(reason);
    expect(writePicture(path, '<svg/>')).toEqual(findings);
  }
  expect(lstatSync(pipe).isFIFO()).toBe(true);
  expect(readdirSync(directory)).toEqual(['file', 'pipe']);
});
