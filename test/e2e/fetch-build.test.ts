// SPDX-License-Identifier: BSD-2-Clause
// From an archive on a server to an image: the SDK that is here is packed as upstream packs its releases, fetched into
// an empty store, and built with.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cacheDir } from '../../make/store/cache.ts';
import { narHash } from '../../make/store/nar.ts';
import { findSdk } from '../../make/store/sdk.ts';
import { findSources } from '../../make/store/sources.ts';
import { stack } from '../../make/stack.ts';
import { platform, startGitHub } from '../make/store/github.ts';
import { pinned } from './pinned.ts';
import { board, needStack, scratch, vmbuild } from './program.ts';

/** Upstream's modes, whatever those of the tree here are: bin/ 0755, other files 0644, directories 0744. */
function setModes(directory: string, isProgram = false): void {
  chmodSync(directory, 0o744);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) setModes(path, isProgram || entry.name === 'bin');
    else chmodSync(path, isProgram ? 0o755 : 0o644);
  }
}

async function packSdk(): Promise<{ archive: Buffer; treeHash: string }> {
  const directory = scratch();
  const top = `microkit-sdk-${stack.microkit}`;
  const tree = join(directory, top);
  cpSync(findSdk({ env: process.env }).path, tree, { recursive: true, dereference: true });
  setModes(tree);
  const packed = join(directory, 'sdk.tar.gz');
  const owner = ['--owner=microkit:0', '--group=microkit:0', '--mtime=@0', '--sort=name'];
  execFileSync('tar', ['-C', directory, ...owner, '-czf', packed, top]);
  const treeHash = await narHash(tree, { signal: new AbortController().signal });
  return { archive: readFileSync(packed), treeHash };
}

it('the SDK of an archive on a server builds the image', { timeout: 480_000 }, async (ctx) => {
  await needStack(ctx);
  const { archive, treeHash } = await packSdk();
  const github = await startGitHub();
  github.archive = archive;
  const cache = join(scratch(), 'an empty store');
  const { libvmm, sddf } = findSources({ env: process.env });
  const env = {
    VMBUILD_CACHE: cache,
    VMBUILD_GITHUB: github.base,
    MICROKIT_SDK: undefined,
    LIBVMM: libvmm.path,
    SDDF: sddf.path,
    http_proxy: '',
    https_proxy: '',
  };

  // With vmbuild's own pin: a tree that somebody has built is not the release, and both digests are named.
  const refused = await vmbuild(['fetch'], { env });
  expect(refused.stderr).toContain('error[SDK111]');
  expect(refused.stderr).toContain(`has NAR hash ${treeHash}, but ${stack.sdkTrees[platform]} is pinned`);
  expect(refused.code).toBe(1);
  expect(readdirSync(join(cache, 'sdk'))).toEqual([]);

  const root = pinned({ ...stack, sdkTrees: { ...stack.sdkTrees, [platform]: treeHash } });
  const fetched = await vmbuild(['fetch', '--board', board], { root, env });
  expect(fetched.stderr).toContain(`the Microkit SDK has board ${board}: `);
  expect(fetched.code).toBe(0);
  expect(fetched.stdout).toBe(`fetched Microkit SDK ${stack.microkit} into '${cache}'\n`);

  // The guests' kernel is not what is tried here: the one that is here already will do.
  const guests = join(cacheDir(process.env), 'guests');
  if (existsSync(guests)) cpSync(guests, join(cache, 'guests'), { recursive: true });
  const buildDir = join(scratch(), 'build');
  mkdirSync(buildDir);
  const built = await vmbuild(['--board', board, '--build-dir', buildDir], { root, env });
  expect(built.stderr).not.toContain('error[');
  expect(built.stdout).toBe(`${join(buildDir, 'loader.img')}\n`);
  expect(built.code).toBe(0);
  expect(statSync(join(buildDir, 'loader.img')).size).toBeGreaterThan(1_000_000);
});
