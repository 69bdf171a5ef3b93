// SPDX-License-Identifier: BSD-2-Clause
// How much room a run takes, for `doctor`. Measured with the current stack and Debian's kernel, rounded up; of the SDK only
// three boards could be measured (13 MB), so its number is an estimate for all twenty, its archive included.
import type { StackPart } from './store/stack-parts.ts';

const mebibyte = 2 ** 20;

/** Of each part in the store, while it is fetched and afterwards. */
export const partBytes: Readonly<Record<StackPart['part'] | 'guests', number>> = {
  sdk: 512 * mebibyte,
  libvmm: 32 * mebibyte,
  sddf: 64 * mebibyte,
  guests: 128 * mebibyte,
};

/** A build directory with two guests holds their kernel several times: 260 MiB. */
export const buildBytes = 320 * mebibyte;
