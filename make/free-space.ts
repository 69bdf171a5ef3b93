// SPDX-License-Identifier: BSD-2-Clause
// How much room there is where something will be written, though the directory itself may not be there yet.
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/** For this user; undefined if the system does not say. `path` is absolute. */
export function freeBytes(path: string): number | undefined {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { bavail, bsize } = statfsSync(at);
      return bavail * bsize;
    } catch {
      if (at === dirname(at)) return undefined;
    }
  }
}
