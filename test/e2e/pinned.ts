// SPDX-License-Identifier: BSD-2-Clause
// vmbuild with other pins than its own, so that it takes what a test serves.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Stack, stack } from '../../make/stack.ts';
import { platform } from '../make/store/github.ts';
import { copyPackage } from './program.ts';

/** A copy of the package whose bundle has the digest and the commits of `theirs`. Gives its directory. */
export function pinned(theirs: Stack): string {
  const root = copyPackage();
  const dist = join(root, 'dist');
  const pins = [
    [stack.sdkTrees[platform], theirs.sdkTrees[platform]],
    [stack.libvmm.commit, theirs.libvmm.commit],
    [stack.sddf.commit, theirs.sddf.commit],
  ] as const;
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
