// SPDX-License-Identifier: BSD-2-Clause
// The compilers of this machine, for the tests of the guest programs.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Absolute path of a program, or undefined. */
export function findTool(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((dir) => join(dir, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

export interface Clang {
  readonly clang: string;
  readonly lld: string;
}

/** clang with an ld.lld of the same suffix: Debian has `clang-14` and `clang` both. */
export const findClangs = (): Clang[] =>
  ['', '-14', '-16', '-18', '-19', '-20', '-21'].flatMap((suffix) => {
    const clang = findTool(`clang${suffix}`);
    const lld = findTool(`ld.lld${suffix}`) ?? findTool('ld.lld');
    return clang === undefined || lld === undefined ? [] : [{ clang, lld }];
  });
