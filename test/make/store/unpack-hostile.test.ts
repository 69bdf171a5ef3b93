// SPDX-License-Identifier: BSD-2-Clause
// Archives that want to do harm, one for each way: none of them leaves the directory, and each is refused by its name.
import { readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Refusal } from '../../../meta/diagnostic.ts';
import { pax, type TarEntry, tarGz } from './tarball.ts';
import { expectRefused, file, prepare, top } from './unpack-setup.ts';

describe('names', () => {
  it.each([
    ['`../x`', 'sdk/../x', /holds '\.\.'/],
    ['`../x`', '../x', /holds '\.\.'/],
    ['`a/../../b`', 'sdk/a/../../../x', /holds '\.\.'/],
    ['absolute', '/etc/x', /is an absolute name/],
    ['names that are not UTF-8', Buffer.from([0x73, 0x64, 0x6b, 0x2f, 0xff, 0xfe]), /no UTF-8/],
  ])('[Archives] %s: refused as %j', async (_item, name, words) => {
    await expectRefused(tarGz([top, { name }]), 'ARC102', words);
  });

  it.each([
    ['sdk/./x', /holds '\.' or/],
    ['sdk//x', /holds '\.' or/],
    ['', /is empty/],
    ['sdk/new\nline', /control characters/],
    ['sdk/esc\x1b[2J', /control characters/],
  ])('%j', async (name, words) => {
    await expectRefused(tarGz([top, { name }]), 'ARC102', words);
  });

  it.each([
    ['absolute', '/tmp/x', /is an absolute name/],
    ['with ..', 'sdk/../../x', /holds '\.\.'/],
    ['with NUL', 'sdk/a\0b', /control characters/],
    ['of 801 bytes', `sdk/${`${'x'.repeat(99)}/`.repeat(8)}`.slice(0, 801), /longer than 800 bytes/],
    ['with a part of 256 bytes', `sdk/${'x'.repeat(256)}`, /more than 255 bytes/],
    ['of 33 levels', `sdk${'/d'.repeat(32)}`, /deeper than 32/],
  ])('in a pax header: %s', async (_what, path, words) => {
    await expectRefused(tarGz([top, pax({ path }), file('sdk/x')]), 'ARC102', words);
  });

  it('in a GNU long name', async () => {
    const long: TarEntry = { name: '././@LongLink', type: 'L', body: '../../escaped\0' };
    await expectRefused(tarGz([top, long, file('sdk/x')]), 'ARC102', /holds '\.\.'/);
  });

  it('below a second top directory, or beside the first', async () => {
    await expectRefused(tarGz([top, file('other/x')]), 'ARC107', "'other/x' is not below 'sdk'");
    await expectRefused(tarGz([file('sdk/x'), file('x')]), 'ARC107', "'x' is not below 'sdk'");
    await expectRefused(tarGz([file('alone')]), 'ARC103', 'where the top directory should be');
  });

  it.each([
    ['duplicate names', 'twice', [file('sdk/a'), file('sdk/a')], /'a' comes twice, as file and as file/],
    [
      'duplicate names',
      'a file and then a directory',
      [file('sdk/a'), { name: 'sdk/a/', type: '5' }],
      /as file and as directory/,
    ],
    [
      'duplicate names',
      'a directory and then a file',
      [file('sdk/a/b'), file('sdk/a')],
      /'a' comes twice, as directory and as file/,
    ],
    [
      'case clash',
      'of files',
      [file('sdk/Makefile'), file('sdk/makefile')],
      /'makefile' and 'Makefile' differ in case only/,
    ],
    ['case clash', 'of directories', [file('sdk/A/x'), file('sdk/a/y')], /differ in case only/],
    [
      'case clash',
      'composed and decomposed',
      [file('sdk/\u00e9'), file('sdk/e\u0301')],
      /differ in case only/,
    ],
  ])('[Archives] %s: %s', async (_item, _what, entries, words) => {
    await expectRefused(tarGz([top, ...entries]), 'ARC106', words);
  });
});

describe('links', () => {
  it.each([
    ['to the outside', '../x'],
    ['to an absolute path', '/etc/passwd'],
    ['to the parent of the top', '..'],
    ['up after a name', 'a/../../x'],
    ['to nothing', ''],
    ['with a dot', './a'],
  ])('a symbolic one %s', async (_what, link) => {
    const entries = [top, file('sdk/a/b'), { name: 'sdk/link', type: '2', link }];
    await expectRefused(
      tarGz(entries),
      'ARC104',
      /the symbolic link 'link' to '.*' leads out of the archive/,
    );
  });

  it('a symbolic one that leads nowhere', async () => {
    const entries = [top, { name: 'sdk/link', type: '2', link: 'absent' }];
    await expectRefused(tarGz(entries), 'ARC104', /leads nowhere/);
  });

  it.each([
    ['itself', 'link'],
    ['another', 'other'],
  ])('a symbolic one to %s', async (_what, link) => {
    const other = { name: 'sdk/other', type: '2', link: 'a' };
    const entries = [top, file('sdk/a'), other, { name: 'sdk/link', type: '2', link }];
    await expectRefused(tarGz(entries), 'ARC104', /leads to another link/);
  });

  it('a symbolic one through another, which would leave by the other’s parent', async () => {
    const entries = [
      file('sdk/s/x'),
      { name: 'sdk/p/q/r/d', type: '2', link: '../../../s' },
      { name: 'sdk/p/e', type: '2', link: 'q/r/d/x' },
    ];
    await expectRefused(
      tarGz([top, ...entries]),
      'ARC104',
      /does not lead through directories of the archive/,
    );
  });

  it('[Archives] symlink to the outside and then a file through it: refused before a byte is written', async () => {
    const entries = [top, { name: 'sdk/link', type: '2', link: '/tmp' }, file('sdk/link/x')];
    await expectRefused(tarGz(entries), 'ARC104', /'link\/x' would go through 'link', which is a symlink/);
  });

  it('a symbolic link in the place of a directory that came before', async () => {
    const entries = [top, file('sdk/a/x'), { name: 'sdk/a', type: '2', link: '/tmp' }, file('sdk/a/y')];
    await expectRefused(tarGz(entries), 'ARC106', /'a' comes twice, as directory and as symlink/);
  });

  it.each([
    ['to the outside', '/etc/passwd', 'ARC102'],
    ['up and out', 'sdk/../../x', 'ARC102'],
    ['to a file that comes later', 'sdk/later', 'ARC104'],
    ['to another top', 'other/d/x', 'ARC104'],
    ['to a directory', 'sdk/d', 'ARC104'],
    ['to a symbolic link', 'sdk/s', 'ARC104'],
    ['to itself', 'sdk/link', 'ARC104'],
  ])(
    '[Archives] hardlink to a symlink: and what else is no file before it: %s',
    async (_what, link, code) => {
      const entries = [
        file('sdk/d/x'),
        { name: 'sdk/s', type: '2', link: 'd/x' },
        { name: 'sdk/link', type: '1', link },
        file('sdk/later'),
      ];
      await expectRefused(tarGz([top, ...entries]), code, /hard link|absolute|\.\./);
    },
  );

  it('a file through a hard link', async () => {
    const entries = [top, file('sdk/a'), { name: 'sdk/h', type: '1', link: 'sdk/a' }, file('sdk/h/x')];
    await expectRefused(tarGz(entries), 'ARC104', /would go through 'h', which is a file/);
  });
});

it.each([
  ['3', 'character-device'],
  ['4', 'block-device'],
  ['6', 'fifo'],
])('[Archives] device or FIFO: an entry of type %s is refused', async (type, kind) => {
  await expectRefused(tarGz([top, { name: 'sdk/x', type }]), 'ARC103', `'sdk/x' is a ${kind}`);
});

describe('types that the decoder takes for files', () => {
  it('[Archives] sparse tar: refused as pax names it, and as GNU did before', async () => {
    const entries = [top, pax({ 'GNU.sparse.major': '1', 'GNU.sparse.size': '999' }), file('sdk/x', 'y')];
    await expectRefused(tarGz(entries), 'ARC103', 'is a sparse file');
    const old = [top, file('sdk/a', 'x'.repeat(1500)), { name: 'sdk/x', type: 'S', body: 'y' }];
    await expectRefused(tarGz(old), 'ARC103', '"sdk/x" is a sparse file');
  });

  it.each(['D', 'M', 'V', 'X', '8', 'é'])('%s is refused', async (type) => {
    await expectRefused(tarGz([top, { name: 'sdk/x', type }]), 'ARC103', 'is of type');
  });

  it.each(['\0', '7'])('%j is a file', async (type) => {
    const { run } = prepare(tarGz([top, { name: 'sdk/x', type, body: 'y' }]));
    expect(await run()).toMatchObject({ entries: 1 });
  });
});

describe('whatever is in it', () => {
  const joined = (parts: string[], maxLength: number): fc.Arbitrary<string> =>
    fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength }).map((words) => words.join('/'));
  const good = joined(['a', 'b', 'c', 'd', 'e', 'f', 'g'], 3);
  const wild = joined(['a', 'b', 'c', '..', '.', ''], 4);
  const ups = fc.tuple(fc.nat(3), good).map(([count, path]) => '../'.repeat(count) + path);
  const entry: fc.Arbitrary<TarEntry> = fc.record({
    type: fc.constantFrom('0', '0', '0', '1', '2', '2', '5'),
    name: fc
      .oneof({ weight: 20, arbitrary: good }, { weight: 1, arbitrary: wild })
      .map((name) => `sdk/${name}`),
    link: fc.oneof(
      ups,
      wild,
      good.map((name) => `sdk/${name}`),
      fc.constantFrom('/tmp', '../../x', 'a/..'),
    ),
    body: fc.constantFrom('', 'body'),
  });

  it('it is unpacked below its directory, links and all, or refused', async () => {
    let unpacked = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 6 }), async (entries) => {
        const { into, run } = prepare(tarGz([top, ...entries]));
        try {
          await run();
          unpacked += 1;
          for (const name of readdirSync(into, { recursive: true, encoding: 'utf8' }))
            expect(`${realpathSync(join(into, name))}/`).toContain(`${realpathSync(into)}/`);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
        }
        expect(readdirSync(dirname(into)).toSorted()).toEqual(['archive.tar.gz', 'in']);
      }),
      { numRuns: 200 },
    );
    expect(unpacked).toBeGreaterThan(20);
  });
});
