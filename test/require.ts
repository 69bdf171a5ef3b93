// SPDX-License-Identifier: BSD-2-Clause
// Tests that need something from outside (a toolchain, an SDK, the conformance set) say visibly why they skip. What
// VMBUILD_REQUIRE lists (commas between) may not be absent: then the skip is a failure, so that CI cannot pass by
// finding nothing.

import type { TestContext } from 'vitest';

/** Names that VMBUILD_REQUIRE knows. */
export type Requirement =
  | 'cbmc'
  | 'clang'
  | 'graphviz'
  | 'conformance'
  | 'dtc'
  | 'guest-images'
  | 'libvmm'
  | 'network'
  | 'openssl'
  | 'perl'
  | 'python'
  | 'qemu'
  | 'root'
  | 'sddf'
  | 'sdfgen'
  | 'sdk'
  | 'xmllint';

/** Returns if `available`; else skips this test with `SKIP: reason`, or fails it where VMBUILD_REQUIRE names it. */
export function requireOrSkip(
  ctx: Pick<TestContext, 'skip'>,
  name: Requirement,
  available: boolean,
  reason: string,
): void {
  if (available) return;
  if (isRequired(name)) throw new Error(`VMBUILD_REQUIRE names ${name}, but: ${reason}`);
  announceSkip(reason);
  ctx.skip(reason);
}

/** Whether VMBUILD_REQUIRE lists `name`. */
export const isRequired = (name: Requirement): boolean =>
  (process.env['VMBUILD_REQUIRE'] ?? '')
    .split(',')
    .map((word) => word.trim())
    .includes(name);

const announced = new Set<string>();

/** Says it once per file: forty skips of one cause are one line. */
function announceSkip(reason: string): void {
  if (announced.has(reason)) return;
  announced.add(reason);
  process.stderr.write(`SKIP: ${reason}\n`);
}
