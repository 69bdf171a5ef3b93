// SPDX-License-Identifier: BSD-2-Clause
// Where a program is, by the rules of a shell but for one.
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import type { Environment } from '../store/cache.ts';

/** Absolute path of a program, or undefined. */
export function onPath(command: string, env: Environment): string | undefined {
  for (const directory of (env['PATH'] ?? '').split(delimiter)) {
    if (directory === '') continue; // an empty entry means the working directory to a shell; not to us
    const path = join(resolve(directory), command);
    try {
      if (!statSync(path).isFile()) continue;
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not there, or not executable: the next one
    }
  }
  return undefined;
}
