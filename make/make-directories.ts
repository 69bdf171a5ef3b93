// SPDX-License-Identifier: BSD-2-Clause
// A directory and those above it. Node's own recursive mkdir says "no such file" of a read-only file system and of a
// failing disk: it looks for what it could not make, and reports that.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDirectory } from './presence.ts';

/** `path` is absolute. Throws the system's own error. */
export async function makeDirectories(path: string): Promise<void> {
  const missing: string[] = [];
  for (let at = path; !isDirectory(at) && at !== dirname(at); at = dirname(at)) missing.push(at);
  for (const one of missing.toReversed())
    await mkdir(one).catch((error: unknown) => {
      // Somebody else was faster.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isDirectory(one)) throw error;
    });
}
