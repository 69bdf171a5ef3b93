// SPDX-License-Identifier: BSD-2-Clause
// Images by their names: fetched once, judged by the SHA-1 in the name, and the second time by their archive's SHA-256.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fetchImages, isStored } from '../../linux/trustworthy.ts';
import { isImageName, trustworthyImages } from '../../linux/trustworthy-names.ts';
import type { FetchItem } from '../../make/store/fetch-tasks.ts';
import { refusedBy } from '../make/refused.ts';
import { scratchDir } from '../make/scratch.ts';
import { tarGz } from '../make/store/tarball.ts';
import { type ImageSite, startImageSite } from './image-site.ts';

interface Setup {
  readonly site: ImageSite;
  readonly cache: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly announced: FetchItem[];
  run(more?: { base?: string; isOffline?: boolean }): ReturnType<typeof fetchImages>;
}

async function setUp(): Promise<Setup> {
  const site = await startImageSite();
  const cache = scratchDir();
  const kernel = site.add('linux', 'linux', Buffer.from('a kernel'));
  const initrd = site.add('rootfs.cpio.gz', 'rootfs.cpio.gz', Buffer.from('a root file system'));
  const announced: FetchItem[] = [];
  return {
    site,
    cache,
    kernel,
    initrd,
    announced,
    run: (more = {}) =>
      fetchImages(
        [
          { part: 'kernel', name: kernel },
          { part: 'initrd', name: initrd },
        ],
        {
          env: { VMBUILD_CACHE: cache },
          base: site.base,
          signal: AbortSignal.timeout(60_000),
          onAnnounce: (items) => {
            announced.push(...items);
          },
          ...more,
        },
      ),
  };
}

const stored = ({ cache }: Setup): string[] =>
  readdirSync(join(cache, 'guests/trustworthy-systems')).toSorted();
const archiveOf = (name: string): string => `${name}.tar.gz`;

describe('images', () => {
  it('are announced, fetched, and kept under their names; the second time nobody is asked', async () => {
    const setup = await setUp();
    const { paths, fetched } = await setup.run();
    expect(paths.map((path) => readFileSync(path, 'utf8'))).toEqual(['a kernel', 'a root file system']);
    expect(stored(setup)).toEqual([setup.kernel, setup.initrd].toSorted());
    expect(fetched).toEqual(setup.announced);
    expect(setup.announced.map(({ part, from, to }) => [part, from, to])).toEqual([
      ['kernel', `${setup.site.base}${archiveOf(setup.kernel)}`, paths[0]],
      ['initrd', `${setup.site.base}${archiveOf(setup.initrd)}`, paths[1]],
    ]);
    expect(setup.announced.every(({ sizeBytes = 0 }) => sizeBytes > 0)).toBe(true);
    const asked = setup.site.requests.length;
    expect((await setup.run({ isOffline: true })).fetched).toEqual([]);
    expect(setup.site.requests).toHaveLength(asked);
    // Only what is known of the archives is kept, not they themselves.
    expect(readdirSync(join(setup.cache, 'downloads')).filter((name) => !name.endsWith('.sha256'))).toEqual(
      [],
    );
  });

  it('that changed in the store are not there: they are fetched anew', async () => {
    const setup = await setUp();
    const { paths } = await setup.run();
    writeFileSync(paths[0] ?? '', 'another kernel');
    const env = { VMBUILD_CACHE: setup.cache };
    expect([await isStored({ env }, setup.kernel), await isStored({ env }, setup.initrd)]).toEqual([
      false,
      true,
    ]);
    expect((await setup.run()).fetched.map(({ part }) => part)).toEqual(['kernel']);
    expect(readFileSync(paths[0] ?? '', 'utf8')).toBe('a kernel');
  });

  it('from a folder with the same names, or put there by hand', async () => {
    const setup = await setUp();
    const mirror = scratchDir();
    for (const [name, bytes] of setup.site.archives) writeFileSync(join(mirror, name), bytes);
    const { fetched } = await setup.run({ base: pathToFileURL(mirror).href, isOffline: true });
    expect(fetched.map(({ from }) => from)).toEqual(
      [setup.kernel, setup.initrd].map((name) => join(mirror, archiveOf(name))),
    );

    const other = await setUp();
    mkdirSync(join(other.cache, 'downloads'), { recursive: true });
    for (const [name, bytes] of other.site.archives)
      writeFileSync(join(other.cache, 'downloads', name), bytes);
    expect((await other.run({ isOffline: true })).fetched).toHaveLength(2);
    expect(other.site.requests).toEqual([]);
  });
});

describe('what is refused', () => {
  it('an archive without a file of that SHA-1: both are named, and nothing is kept', async () => {
    const setup = await setUp();
    const body = Buffer.from('<html>moved</html>');
    setup.site.archives.set(archiveOf(setup.kernel), tarGz([{ name: `${setup.kernel}/linux`, body }]));
    const { code, message } = await refusedBy(() => setup.run());
    const sha1 = createHash('sha1').update(body).digest('hex');
    expect(code).toBe('IMG121');
    expect(message).toContain(`holds no file with the SHA-1 ${setup.kernel.slice(0, 40)} of its name`);
    expect(message).toContain(`'linux' has ${sha1}`);
    expect(stored(setup)).toEqual([]);
    expect(readdirSync(join(setup.cache, 'downloads'))).toEqual([]);
  });

  it('the same image in another archive than the first time', async () => {
    const setup = await setUp();
    const { paths } = await setup.run();
    rmSync(paths[0] ?? '');
    const archive = setup.site.archives.get(archiveOf(setup.kernel)) ?? Buffer.alloc(0);
    setup.site.archives.set(archiveOf(setup.kernel), gzipSync(gunzipSync(archive), { level: 1 }));
    const { code, hint } = await refusedBy(() => setup.run());
    expect(code).toBe('IMG120');
    expect(hint).toContain(`${archiveOf(setup.kernel)}.sha256`);
  });

  it.each([
    ['an entry that leads out, as in every archive', [{ name: '../x', body: 'x' }], 'ARC102'],
    [
      'more files than an image has',
      Array.from({ length: 20 }, (_, at) => ({ name: `x/${at}`, body: 'x' })),
      'ARC105',
    ],
  ] as const)('%s', async (_, entries, code) => {
    const setup = await setUp();
    setup.site.archives.set(archiveOf(setup.kernel), tarGz(entries));
    expect((await refusedBy(() => setup.run())).code).toBe(code);
    expect(stored(setup)).toEqual([]);
  });

  it('a name that the site does not have', async () => {
    const setup = await setUp();
    setup.site.archives.delete(archiveOf(setup.initrd));
    const { code, message } = await refusedBy(() => setup.run());
    expect(code).toBe('NET103');
    expect(message).toContain(`${archiveOf(setup.initrd)} answers 404 (it is not there)`);
    expect(setup.announced).toEqual([]);
  });

  it('everything offline: what to put where, or the other guest', async () => {
    const setup = await setUp();
    const { code, hint } = await refusedBy(() => setup.run({ isOffline: true }));
    expect(code).toBe('NET110');
    expect(hint).toBe(
      `put ${archiveOf(setup.kernel)} into '${setup.cache}/downloads', from ${setup.site.base}${archiveOf(setup.kernel)}, or use --guest debian; or name yours with --linux FILE`,
    );
    expect(setup.site.requests).toEqual([]);
  });

  it('an address that is none', async () => {
    const setup = await setUp();
    const { code, message } = await refusedBy(() => setup.run({ base: 'ftp://x/' }));
    expect([code, message]).toEqual(['ARG108', "--images 'ftp://x/' is neither http, https nor file"]);
  });
});

it('names are those of libvmm, and nothing that could be a path', () => {
  for (const name of Object.values(trustworthyImages)) expect(isImageName(name)).toBe(true);
  const sha1 = 'a'.repeat(40);
  for (const name of [
    `${sha1}-`,
    `${sha1}-a/b`,
    `${sha1}-..`,
    `${sha1.slice(1)}-linux`,
    `A${sha1.slice(1)}-linux`,
  ])
    expect(isImageName(name)).toBe(false);
});
