// SPDX-License-Identifier: BSD-2-Clause
// What the tests of refusals share: a machine that has nothing, and what a clear refusal looks like.
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Ended } from './program.ts';

/** An environment in which nothing is found: no SDK, no sources, no tools. */
export const bare = (directory: string): Record<string, string | undefined> => ({
  VMBUILD_CACHE: join(directory, 'cache'),
  MICROKIT_SDK: undefined,
  LIBVMM: undefined,
  SDDF: undefined,
});

/** Clear: an error with a code, no stack trace, nothing on stdout. */
export function expectRefusal(run: Ended, code: number, ...patterns: RegExp[]): void {
  for (const pattern of patterns) expect(run.stderr).toMatch(pattern);
  expect(run.stderr).toMatch(/^vmbuild: error\[[A-Z]+\d{3}\]: /m);
  expect(run.stderr).not.toMatch(/^ +at .*:\d+:\d+\)?$/m);
  expect(run.stdout).toBe('');
  expect(run.code).toBe(code);
}
