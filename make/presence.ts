// SPDX-License-Identifier: BSD-2-Clause
// What lies under a path, asked without a throw: a path through a file, a loop of links or a directory that may not be
// searched leads nowhere, like one that is not there. Opening it will give the reason if that is wanted.
import { type BigIntStats, statSync } from 'node:fs';

export function statsOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

export const isFile = (path: string): boolean => statsOf(path)?.isFile() === true;
export const isDirectory = (path: string): boolean => statsOf(path)?.isDirectory() === true;
