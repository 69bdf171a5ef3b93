// SPDX-License-Identifier: BSD-2-Clause
// What an imported system sees as 'vmbuild/meta' in these tests: the library, and its function without a board.

import type { SystemBuilder } from '../../../meta/index.ts';

export * from '../../../meta/index.ts';

export type Describe = (context: { readonly sdf: SystemBuilder }) => void;

export const defineSystem = (describe: Describe): Describe => describe;
