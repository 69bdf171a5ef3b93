// SPDX-License-Identifier: BSD-2-Clause
// vmbuild with other pins than its own, so that it takes what a test serves.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Stack, stack } from '../../make/stack.ts';
import { trustworthyImages } from '../../linux/trustworthy-names.ts';
import { platform } from '../make/store/github.ts';
import { copyPackage } from './program.ts';

/** A copy of the package whose bundle has the digest and the commits of `theirs`. Gives its directory. */
export const pinned = (theirs: Stack): string =>
  repinned([
    [stack.sdkTrees[platform], theirs.sdkTrees[platform]],
    [stack.libvmm.commit, theirs.libvmm.commit],
    [stack.sddf.commit, theirs.sddf.commit],
  ]);

/** The same with other guest images. */
export const pinnedImages = (theirs: typeof trustworthyImages): string =>
  repinned([
    [trustworthyImages.kernel, theirs.kernel],
    [trustworthyImages.initrd, theirs.initrd],
  ]);

/** Each pin stands in the bundle once: that of ours is replaced by another. */
function repinned(pins: readonly (readonly [ours: string, other: string])[]): string {
  const root = copyPackage();
  const dist = join(root, 'dist');
  let replaced = 0;
  for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.js')) continue;
    let text = readFileSync(join(dist, name), 'utf8');
    for (const [ours, other] of pins) {
      replaced += text.split(ours).length - 1;
      text = text.replaceAll(ours, other);
    }
    writeFileSync(join(dist, name), text);
  }
  expect(replaced).toBe(pins.length);
  return root;
}
