// SPDX-License-Identifier: BSD-2-Clause
// What a mutant is: one small mistake in one place of the device core, and the test that must notice it.

import type { Mistake } from './break.ts';

/** Of a file in vmm/vsock/, or in the directory that its table is for. */
export interface Mutant extends Mistake {
  /** What kind of mistake this is. */
  readonly why: string;
  /** Part of the name of the C tests of which one must fail; or 'fences', which are read from the AArch64 code. */
  readonly killer: string;
  /** Only a sanitizer can see it. */
  readonly sanitize?: true;
}

/** For tables: the fields in a row. */
export const mutant = (file: string, killer: string, why: string, find: string, replace: string): Mutant => ({
  file,
  find,
  replace,
  why,
  killer,
});

/** A mutant whose harm only a sanitizer sees. */
export const unseen = (...fields: Parameters<typeof mutant>): Mutant => ({
  ...mutant(...fields),
  sanitize: true,
});
