// SPDX-License-Identifier: BSD-2-Clause
// How places in the user's files are told: by names that a terminal or an editor opens with a click.
import { isAbsolute, relative } from 'node:path';

/** Relative to the working directory if it lies below it, else absolute. */
export function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') || isAbsolute(short) ? path : short;
}
