// SPDX-License-Identifier: BSD-2-Clause
// Which libvmm and sDDF are taken, at which commit they are, and what is said if it is another.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Refusal } from '../../../meta/diagnostic.ts';
import { stack } from '../../../make/stack.ts';
import { readGitHead } from '../../../make/store/git-head.ts';
import { findSddf, findSources } from '../../../make/store/sources.ts';
import { scratchDir, write } from '../scratch.ts';
import { fakeCheckout, fakeLibvmm, fakeSddf } from './fake-sdk.ts';

const other = '0123456789012345678901234567890123456789';

function refused(run: () => unknown): { exit: number; said: string[] } {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { exit: error.exit, said: error.diagnostics.map(({ code, message }) => `${code} ${message}`) };
  }
  throw new Error('nothing was refused');
}

/** A store with both trees, without git's files, as an unpacked archive leaves them. */
function store(): { cache: string; env: { VMBUILD_CACHE: string }; libvmm: string; sddf: string } {
  const cache = scratchDir('cache');
  const libvmm = fakeLibvmm(join(cache, `src/libvmm-${stack.libvmm.commit}`));
  const sddf = fakeSddf(join(cache, `src/sddf-${stack.sddf.commit}`));
  return { cache, env: { VMBUILD_CACHE: cache }, libvmm, sddf };
}

it('flag before environment before store; the store tells the commit by its directory', () => {
  const { env, libvmm, sddf } = store();
  const found = findSources({ env });
  expect(found.libvmm).toEqual({ path: libvmm, commit: stack.libvmm.commit, version: '0.2.0' });
  expect(found.sddf).toEqual({ path: sddf, commit: stack.sddf.commit });
  expect(found.warnings).toEqual([]);
  const [one, two] = [fakeLibvmm(scratchDir('one')), fakeLibvmm(scratchDir('two'))];
  expect(findSources({ env: { ...env, LIBVMM: one } }).libvmm.path).toBe(one);
  expect(findSources({ libvmm: two, env: { ...env, LIBVMM: one } }).libvmm.path).toBe(two);
});

it('absent: both are said, exit 69', () => {
  const env = { VMBUILD_CACHE: scratchDir() };
  const { exit, said } = refused(() => findSources({ env }));
  expect(exit).toBe(69);
  expect(said).toEqual([
    `SRC101 libvmm is not in the store ('${env.VMBUILD_CACHE}/src/libvmm-${stack.libvmm.commit}' is not there)`,
    `SRC101 sDDF is not in the store ('${env.VMBUILD_CACHE}/src/sddf-${stack.sddf.commit}' is not there)`,
  ]);
});

it('given but not there, or something else', () => {
  const { env } = store();
  const { exit, said } = refused(() => findSources({ libvmm: '/nowhere', sddf: scratchDir(), env }));
  expect(exit).toBe(1);
  expect(said[0]).toBe("SRC102 '/nowhere', given by --libvmm for libvmm, is no directory");
  expect(said[1]).toMatch(
    /^SRC103 .* does not look like sDDF: it has no include\/sddf\/serial\/queue\.h, serial\//,
  );
});

describe('another commit or version', () => {
  it('of either: one warning each, with both commits', () => {
    const { env, libvmm, sddf } = store();
    fakeCheckout(libvmm, other);
    fakeCheckout(sddf, other);
    expect(findSources({ env }).warnings.map(({ message }) => message)).toEqual([
      `libvmm is at commit ${other}, vmbuild is made for ${stack.libvmm.commit}`,
      `sDDF is at commit ${other}, vmbuild is made for ${stack.sddf.commit}`,
    ]);
  });

  it('an sDDF whose commit nothing tells: one warning', () => {
    const { env } = store();
    const { source, warnings } = findSddf({ sddf: fakeSddf(scratchDir()), env });
    expect(source.commit).toBeUndefined();
    expect(warnings.map(({ message }) => message)).toEqual([
      `sDDF is at an unknown commit, vmbuild is made for ${stack.sddf.commit}`,
    ]);
  });

  it('libvmm 0.3.0: an error, or a warning if allowed', () => {
    const { env } = store();
    const libvmm = fakeLibvmm(scratchDir(), '0.3.0');
    expect(refused(() => findSources({ libvmm, env })).said).toEqual([
      "STACK101 libvmm is version '0.3.0', but vmbuild is made for 0.2.0",
    ]);
    expect(findSources({ libvmm, env, allowStack: true }).warnings).toHaveLength(1);
  });
});

describe('the commit of a checkout', () => {
  it('is what git says, in every state of a repository', () => {
    const directory = scratchDir('re po');
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', directory, '-c', 'user.name=x', '-c', 'user.email=x@x', ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    git('init', '-q', '-b', 'main');
    expect(readGitHead(directory)).toBeUndefined();
    git('commit', '-q', '--allow-empty', '-m', 'one');
    const head = git('rev-parse', 'HEAD');
    expect(readGitHead(directory)).toBe(head);
    git('pack-refs', '--all');
    expect(readGitHead(directory)).toBe(head);
    git('checkout', '-q', '--detach');
    expect(readGitHead(directory)).toBe(head);
    const worktree = join(directory, '..', 'work tree');
    git('worktree', 'add', '-q', '-b', 'side', worktree);
    expect(readGitHead(worktree)).toBe(head);
    const module = scratchDir('module');
    rmSync(join(module, '.git'), { force: true });
    write(module, '.git', `gitdir: ${join(directory, '.git')}\n`);
    expect(readGitHead(module)).toBe(head);
  });

  it.each(['ref: refs/../../outside', 'rubbish', '', `${other}0`, 'ref: refs/heads/main'])(
    'is unknown for a HEAD of %j',
    (head) => {
      const directory = scratchDir();
      write(directory, '.git/HEAD', `${head}\n`);
      write(directory, '.git/refs/heads/main', 'ref: refs/heads/main\n');
      write(directory, 'outside', `${other}\n`);
      expect(readGitHead(directory)).toBeUndefined();
    },
  );
});
