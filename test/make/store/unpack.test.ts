// SPDX-License-Identifier: BSD-2-Clause
// Archives as they should be, too large ones and damaged ones.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { unpack } from '../../../make/store/unpack.ts';
import { refusedBy } from '../refused.ts';
import { scratchDir, write } from '../scratch.ts';
import { pax, tar, tarGz } from './tarball.ts';
import { expectRefused, file, list, prepare, top } from './unpack-setup.ts';

describe('a good archive', () => {
  it('comes out without its top directory, with contents, links and the owner’s execute bit', async () => {
    const { into, run } = prepare(
      tarGz([
        top,
        { name: 'sdk/bin/microkit', mode: 0o755, body: 'tool' },
        { name: 'sdk/VERSION', mode: 0o644, body: '2.3.0\n' },
        { name: 'sdk/group', mode: 0o654 },
        { name: 'sdk/link', type: '2', link: 'bin/microkit' },
        { name: 'sdk/bin/up', type: '2', link: '../VERSION' },
        { name: 'sdk/copy', type: '1', link: 'sdk/VERSION' },
      ]),
    );
    expect(await run()).toMatchObject({ entries: 7 });
    expect(list(into)).toEqual([
      'VERSION',
      'bin/',
      'bin/microkit',
      'bin/up -> ../VERSION',
      'copy',
      'group',
      'link -> bin/microkit',
    ]);
    expect(readFileSync(join(into, 'bin/microkit'), 'utf8')).toBe('tool');
    expect(readFileSync(join(into, 'copy'), 'utf8')).toBe('2.3.0\n');
    const modes = ['bin/microkit', 'VERSION', 'group'].map((name) => statSync(join(into, name)).mode);
    expect(modes.map((mode) => (mode & 0o7100).toString(8))).toEqual(['100', '0', '0']);
  });

  it('[Archives] setuid bits: dropped, with setgid and the sticky bit; the execute bit stays', async () => {
    const { into, run } = prepare(
      tarGz([top, { name: 'sdk/tool', mode: 0o7755 }, { name: 'sdk/d/', type: '5', mode: 0o7777 }]),
    );
    await run();
    const modes = ['tool', 'd'].map((name) => statSync(join(into, name)).mode & 0o7700);
    expect(modes.map((mode) => mode.toString(8))).toEqual(['700', '700']);
  });

  it('as tar(1) makes it, with large files, long names and ./ before all', async () => {
    const source = scratchDir('source');
    const long = `${'d'.repeat(80)}/${'f'.repeat(90)}`;
    write(source, `top/${long}`, 'long');
    write(source, 'top/large', Buffer.alloc(3_000_000, 'x'));
    write(source, 'top/émoji 😀', '');
    for (const format of ['ustar', 'pax', 'gnu']) {
      const made = join(source, `${format}.tar.gz`);
      execFileSync('tar', ['-C', source, `--format=${format}`, '-czf', made, './top']);
      const { into, run } = prepare(readFileSync(made));
      await run();
      expect(list(into)).toEqual([`${'d'.repeat(80)}/`, long, 'large', 'émoji 😀']);
      expect(statSync(join(into, 'large')).size).toBe(3_000_000);
    }
  });

  it('may be of several gzip members', async () => {
    const bytes = tar([top, file('sdk/a', 'x'.repeat(2000))]);
    const { into, run } = prepare(
      Buffer.concat([gzipSync(bytes.subarray(0, 1000)), gzipSync(bytes.subarray(1000))]),
    );
    await run();
    expect(list(into)).toEqual(['a']);
  });
});

describe('amounts', () => {
  it('[Archives] 10⁶ entries: refused at the limit, directories that no entry names included', async () => {
    const entries = [top, ...Array.from({ length: 51 }, (_, at) => file(`sdk/${at}`))];
    await expectRefused(tarGz(entries), 'ARC105', /more than 50 entries/);
    const implied = [
      top,
      file(`sdk${'/d'.repeat(20)}`),
      file(`sdk${'/e'.repeat(20)}`),
      file(`sdk${'/f'.repeat(20)}`),
    ];
    await expectRefused(tarGz(implied), 'ARC105', /more than 50 entries/);
  });

  it('bytes', async () => {
    const large = { name: 'sdk/x', body: Buffer.alloc(11_000_000) };
    await expectRefused(tarGz([top, large]), 'ARC105', /unpacks to more than 10000000 bytes/);
  });

  it('[Archives] a 1000:1 bomb: what it takes of the disk stays below what the ratio allows', async () => {
    const { into, run } = prepare(tarGz([top, { name: 'sdk/x', body: Buffer.alloc(50_000_000) }]));
    const { code, message } = await refusedBy(() => run({ ratioFromBytes: 1_000_000, ratio: 100 }));
    expect(code).toBe('ARC105');
    expect(message).toMatch(/unpacks \d+ bytes to \d+, more than 100 times/);
    expect(statSync(join(into, 'x')).size).toBeLessThan(6_000_000);
  });

  it('a size that no file has', async () => {
    const lie = (size: string): Buffer => tarGz([top, { name: 'sdk/x', body: 'y', size }]);
    await expectRefused(lie('77777777777'), 'ARC101', /truncated/);
    await expectRefused(lie('0000000000x'), 'ARC101', /number/);
    await expectRefused(lie('\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff'), 'ARC101', /./);
  });
});

it.each(['99999999999999999999', '-1', '1e3', '0x1', '0', '1'])(
  '[Archives] pax size overflow: a record that says %s is refused, whatever the decoder makes of it',
  async (size) => {
    const entries = [top, pax({ size }), file('sdk/x', 'y')];
    await expectRefused(tarGz(entries), size === '0' ? 'ARC101' : 'ARC120', /./);
  },
);

describe('damage', () => {
  const good = tarGz([top, file('sdk/a', 'x'.repeat(5000)), file('sdk/b', 'y'.repeat(5000))]);

  it('[Archives] truncated: cut anywhere', async () => {
    for (let at = 0; at < good.length; at += Math.ceil(good.length / 40))
      await expectRefused(good.subarray(0, at), 'ARC101', /./);
  });

  it('[Archives] truncated: cut in the tar, whole as gzip', async () => {
    const bytes = tar([top, file('sdk/a', 'x'.repeat(5000))]);
    for (const at of [0, 100, 512, 1000, 1536, 6000, bytes.length - 1024, bytes.length - 1])
      await expectRefused(gzipSync(bytes.subarray(0, at)), 'ARC101', /truncated|is empty/);
  });

  it('a flipped bit: the sum at the end of gzip', async () => {
    const flipped = Buffer.from(good);
    flipped.writeUInt8((flipped[flipped.length - 6] ?? 0) ^ 1, flipped.length - 6);
    await expectRefused(flipped, 'ARC101', /no whole tar\.gz/);
  });

  it('the sum of a tar header', async () => {
    await expectRefused(tarGz([top, { name: 'sdk/a', checksum: 1 }]), 'ARC101', /checksum/);
  });

  it('[Archives] trailing junk: in the file, and inside gzip after the tar', async () => {
    await expectRefused(Buffer.concat([good, Buffer.from('junk')]), 'ARC101', /header check/);
    await expectRefused(Buffer.concat([good, Buffer.alloc(7)]), 'ARC101', /has 7 bytes after its end/);
    await expectRefused(Buffer.concat([good, good]), 'ARC101', /EOF/);
    await expectRefused(
      gzipSync(Buffer.concat([tar([top, file('sdk/a')]), Buffer.from('junk')])),
      'ARC101',
      /EOF/,
    );
  });

  it.each([
    ['no gzip', Buffer.from('<html>')],
    ['an uncompressed tar', tar([top, file('sdk/a')])],
    ['gzip of something else', gzipSync(Buffer.alloc(2000, 'x'))],
    ['nothing', Buffer.alloc(0)],
    ['an archive of nothing', tarGz([])],
    ['an archive of a directory', tarGz([top])],
  ])('%s', async (_what, bytes) => {
    await expectRefused(bytes, 'ARC101', /./);
  });
});

it('stops when it is told to, and holds no file', async () => {
  const { archive, into } = prepare(tarGz([top, { name: 'sdk/x', body: Buffer.alloc(30_000_000) }]));
  const controller = new AbortController();
  const running = unpack({
    archive,
    into,
    signal: controller.signal,
    onProgress: () => {
      controller.abort(new Error('stop'));
    },
  });
  await expect(running).rejects.toThrow('stop');
  const open = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  expect(open.filter((path) => path.startsWith(dirname(into)))).toEqual([]);
});
