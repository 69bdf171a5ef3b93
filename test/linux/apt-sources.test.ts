// SPDX-License-Identifier: BSD-2-Clause
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  findDebianMirror,
  parseSourcesFile,
  parseSourcesList,
  readAptSources,
} from '../../linux/apt-sources.ts';
import { Refusal } from '../../meta/diagnostic.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmbuild etc '));
  await mkdir(join(dir, 'sources.list.d'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const osRelease = (text: string): Promise<void> => writeFile(join(dir, 'os-release'), text);
const find = () => findDebianMirror({ aptDir: dir, osRelease: join(dir, 'os-release') });

describe('one-line format', () => {
  test.each([
    [
      'deb http://m/debian bookworm main contrib',
      ['http://m/debian bookworm main -', 'http://m/debian bookworm contrib -'],
    ],
    [
      'deb [signed-by=/k.gpg arch=amd64] http://m/debian bookworm main',
      ['http://m/debian bookworm main /k.gpg'],
    ],
    [
      'deb [ arch=amd64 signed-by=/a.gpg,/b.gpg ]  http://m sid main # why',
      ['http://m sid main /a.gpg /b.gpg'],
    ],
    ['  deb\thttp://m\tsid\tmain', ['http://m sid main -']],
    ['deb-src http://m sid main', []],
    ['# deb http://m sid main', []],
    ['deb http://m ./', []],
    ['debx http://m sid main', []],
    ['', []],
  ])('%j', (line, expected) => {
    const rows = parseSourcesList(`${line}\n`).map(({ uri, suite, component, signedBy }) =>
      [uri, suite, component, signedBy ?? '-'].join(' '),
    );
    expect(rows).toEqual(expected);
  });
});

describe('deb822 format', () => {
  test('all combinations of an entry; comments and other stanzas do not disturb', () => {
    const text = [
      '# a comment',
      'Types: deb deb-src',
      '# http://snapshot/',
      'URIs: http://a/debian http://b/debian',
      'Suites: trixie',
      ' trixie-updates',
      'Components: main',
      'Signed-By: /usr/share/keyrings/my keys.gpg',
      '',
      'Types: deb-src',
      'URIs: http://c',
      'Suites: trixie',
      'Components: main',
      '',
      'Enabled: no',
      'Types: deb',
      'URIs: http://d',
      'Suites: trixie',
      'Components: main',
    ].join('\r\n');
    expect(parseSourcesFile(text).map(({ uri, suite, signedBy }) => `${uri} ${suite} ${signedBy}`)).toEqual([
      'http://a/debian trixie /usr/share/keyrings/my keys.gpg',
      'http://a/debian trixie-updates /usr/share/keyrings/my keys.gpg',
      'http://b/debian trixie /usr/share/keyrings/my keys.gpg',
      'http://b/debian trixie-updates /usr/share/keyrings/my keys.gpg',
    ]);
  });

  test('a key that is written out keeps its lines', () => {
    const text =
      'Types: deb\nURIs: http://a\nSuites: sid\nComponents: main\nSigned-By:\n -----BEGIN-----\n .\n abc\n';
    expect(parseSourcesFile(text)[0]?.signedBy).toBe('\n -----BEGIN-----\n .\n abc');
  });
});

describe("the host's mirror", () => {
  test('is the one of its own release; security and third parties are not', async () => {
    await osRelease('ID=debian\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n');
    await writeFile(
      join(dir, 'sources.list.d/a.sources'),
      'Types: deb\nURIs: https://vendor/apt\nSuites: stable\nComponents: main\n\nTypes: deb\nURIs: http://m/debian-security\nSuites: bookworm-security\nComponents: main\n',
    );
    await writeFile(join(dir, 'sources.list.d/b.list'), 'deb [signed-by=/k] http://m/debian bookworm main\n');
    await writeFile(join(dir, 'sources.list.d/old.list.save'), 'deb http://old bookworm main\n');
    await writeFile(join(dir, 'sources.list'), 'deb cdrom:[Debian]/ bookworm main\n');
    expect(await find()).toEqual({ uri: 'http://m/debian', signedBy: '/k' });
  });

  test('may be called by its role', async () => {
    await osRelease('ID=debian\n');
    await writeFile(
      join(dir, 'sources.list'),
      'deb http://other stable contrib\ndeb http://m/debian stable main\n',
    );
    expect(await find()).toEqual({ uri: 'http://m/debian' });
  });

  test.each([
    ['ID=ubuntu\nPRETTY_NAME="Ubuntu 24.04"\n', /^DEB101 .* but this host runs Ubuntu 24\.04$/],
    ['', /^DEB101 .* but this host runs no system that \/etc\/os-release names$/],
    [
      'ID=debian\nVERSION_CODENAME=trixie\n',
      /^DEB102 none of the 0 sources in '.*' is a Debian mirror with suite trixie$/,
    ],
  ])('is refused elsewhere: %j', async (text, expected) => {
    await osRelease(text);
    const error: unknown = await find().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Refusal);
    expect((error as Refusal).message).toMatch(expected);
  });

  test('no sources at all is no crash', async () => {
    await rm(join(dir, 'sources.list.d'), { recursive: true });
    expect(await readAptSources(dir)).toEqual([]);
  });
});
