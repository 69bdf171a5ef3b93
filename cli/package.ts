// SPDX-License-Identifier: BSD-2-Clause
// Where vmbuild itself lies: its C sources and board files are read from there, in a checkout and when installed.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of package.json, above this file in the sources and above dist/ when bundled. */
export function packageDirectory(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error('vmbuild runs outside of its package');
    directory = parent;
  }
  return directory;
}
