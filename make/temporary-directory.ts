// SPDX-License-Identifier: BSD-2-Clause
// A directory of our own where the system wants short-lived files.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { refuse } from '../meta/diagnostic.ts';
import { isSystemError } from './action.ts';
import { describeSystemError } from './system-reason.ts';

/** Made in `root`; its name begins with `prefix`. Who asks for it removes it. Refuses STORE122. */
export async function makeTemporaryDirectory(prefix: string, root = tmpdir()): Promise<string> {
  try {
    return await mkdtemp(join(root, prefix));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const reason = describeSystemError(error, root);
    return refuse('STORE122', `the directory for temporary files, '${root}', cannot be used: ${reason}`, {
      hint: 'make room there, or set TMPDIR to a directory that may be written',
    });
  }
}
