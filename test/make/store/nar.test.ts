// SPDX-License-Identifier: BSD-2-Clause
// The NAR hash: known vectors, a second implementation in another language, and what it must not depend on.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { narHash } from '../../../make/store/nar.ts';
import { requireOrSkip } from '../../require.ts';
import { refusedBy } from '../refused.ts';
import { scratchDir, write } from '../scratch.ts';

const signal = new AbortController().signal;
const hash = (path: string): Promise<string> => narHash(path, { signal });

describe('known values', () => {
  it('an empty directory', async () => {
    expect(await hash(scratchDir())).toBe('sha256-pQpattmS9VmO3ZIQUFn66az8GSmB4IvYhTTCFn6SUmo=');
  });

  it('an empty file', async () => {
    const path = write(scratchDir(), 'empty', '');
    expect(await hash(path)).toBe('sha256-d6xi4mKdjkX2JFicDIv5niSzpyI0m/Hnm8GGAIU04kY=');
  });
});

/** Written from the form's description, apart from ours: the whole archive in memory. */
const oracle = `
import base64, hashlib, os, stat, struct, sys
def s(b): return struct.pack('<Q', len(b)) + b + bytes(-len(b) % 8)
def node(p):
    st = os.lstat(p)
    out = s(b'(') + s(b'type')
    if stat.S_ISLNK(st.st_mode): out += s(b'symlink') + s(b'target') + s(os.readlink(p))
    elif stat.S_ISREG(st.st_mode):
        out += s(b'regular')
        if st.st_mode & 0o100: out += s(b'executable') + s(b'')
        out += s(b'contents') + s(open(p, 'rb').read())
    else:
        out += s(b'directory')
        for name in sorted(os.listdir(p)):
            out += s(b'entry') + s(b'(') + s(b'name') + s(name) + s(b'node') + node(p + b'/' + name) + s(b')')
    return out + s(b')')
print('sha256-' + base64.b64encode(hashlib.sha256(s(b'nix-archive-1') + node(os.fsencode(sys.argv[1]))).digest()).decode())
`;

/** Names whose order as bytes differs from that as UTF-16; sizes around the padding and the chunk; links; modes. */
function makeTree(): string {
  const root = scratchDir('tree');
  for (const size of [0, 1, 7, 8, 9, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1])
    write(root, `sizes/${size}`, Buffer.alloc(size, 'x'));
  for (const name of ['b', 'B', 'a-b', 'a', 'a.b', 'ab', 'é', 'ｚ', '😀', 'with space', "quo'te"])
    write(root, `names/${name}`, name);
  writeFileSync(Buffer.concat([Buffer.from(`${root}/names/`), Buffer.from([0xff, 0x41])]), 'no UTF-8');
  chmodSync(write(root, 'bin/tool', '#!/bin/sh\n'), 0o755);
  chmodSync(write(root, 'bin/group-only', ''), 0o654);
  mkdirSync(join(root, 'empty'));
  symlinkSync('../names/é', join(root, 'empty', 'link'));
  symlinkSync('/nowhere', join(root, 'dangling'));
  return root;
}

it('agrees with a second implementation', async (ctx) => {
  const root = makeTree();
  const { error, stdout } = spawnSync('python3', ['-c', oracle, root], { encoding: 'utf8' });
  requireOrSkip(ctx, 'python', error === undefined, 'python3 is not here');
  expect(await hash(root)).toBe(stdout.trim());
});

describe('depends on', () => {
  it('no time, and of the modes on the execute bit of the owner only', async () => {
    const root = makeTree();
    const before = await hash(root);
    utimesSync(join(root, 'names/a'), 1, 2);
    chmodSync(join(root, 'names/a'), 0o600);
    chmodSync(join(root, 'names/b'), 0o655);
    chmodSync(join(root, 'names'), 0o700);
    expect(await hash(root)).toBe(before);
    chmodSync(join(root, 'names/a'), 0o700);
    expect(await hash(root)).not.toBe(before);
  });

  it.each([
    ['a byte', (root: string) => write(root, 'sizes/7', 'xxxxxxy')],
    ['a name', (root: string) => write(root, 'names/c', '')],
    ['an empty directory', (root: string) => mkdirSync(join(root, 'another'))],
    ['a link', (root: string) => symlinkSync('a', join(root, 'names', 'link'))],
  ])('%s', async (_what, change) => {
    const root = makeTree();
    const before = await hash(root);
    change(root);
    expect(await hash(root)).not.toBe(before);
  });
});

describe('refuses', () => {
  it('what NAR has no form for', async () => {
    const root = scratchDir();
    execFileSync('mkfifo', [join(root, 'fifo')]);
    const { code, message } = await refusedBy(() => hash(root));
    expect(code).toBe('ARC103');
    expect(message).toContain('fifo');
  });

  it('more levels or entries than the limits', async () => {
    const root = scratchDir();
    write(root, 'a/b/c', '');
    const limited = (depth: number, entries: number) =>
      refusedBy(() => narHash(root, { signal, limits: { depth, entries } }));
    expect(await narHash(root, { signal, limits: { depth: 3, entries: 4 } })).toMatch(/^sha256-/);
    expect(await limited(2, 4)).toMatchObject({
      code: 'ARC105',
      message: expect.stringContaining('2 levels'),
    });
    expect(await limited(3, 3)).toMatchObject({
      code: 'ARC105',
      message: expect.stringContaining('3 entries'),
    });
  });

  it('a file that shrinks while it is read', async () => {
    const root = scratchDir();
    const path = write(root, 'large', Buffer.alloc(64 * 1024 * 1024));
    const refused = refusedBy(() => hash(root));
    // Between two chunks: the event loop has its turn after 16 of them.
    setImmediate(() => {
      truncateSync(path, 1024);
    });
    expect(await refused).toMatchObject({
      code: 'ARC108',
      message: expect.stringContaining('changed while'),
    });
  });
});

it('stops when it is told to', async () => {
  const root = scratchDir();
  write(root, 'large', Buffer.alloc(64 * 1024 * 1024));
  const controller = new AbortController();
  const running = narHash(root, { signal: controller.signal });
  setImmediate(() => {
    controller.abort(new Error('stop'));
  });
  await expect(running).rejects.toThrow('stop');
});
