// SPDX-License-Identifier: BSD-2-Clause
// A file that the user named on the command line: read whole, if it is a regular file of a size that makes sense.
import { readFile, stat } from 'node:fs/promises';
import { refuse } from '../meta/diagnostic.ts';

/**
 * Refuses whatever is no readable file of at most `maxBytes`: with IMG101, or with `code`. `flag` is how the user named
 * it.
 */
export async function readGiven(
  flag: string,
  path: string,
  maxBytes: number,
  code = 'IMG101',
): Promise<Buffer> {
  const refused = (what: string): never =>
    refuse(code, `${flag} '${path}' ${what}`, { hint: `give ${flag} a file` });
  try {
    const found = await stat(path);
    if (found.isDirectory()) return refused('is a directory');
    // A pipe or a device might never end.
    if (!found.isFile()) return refused('is not a regular file');
    if (found.size > maxBytes)
      return refused(`has ${found.size} bytes; ${maxBytes} is the most that it may have`);
    return await readFile(path);
  } catch (error) {
    const what = reasons.get((error as NodeJS.ErrnoException).code ?? '');
    if (what === undefined) throw error;
    return refused(what);
  }
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'does not exist'],
  ['ENOTDIR', 'does not exist'],
  ['ELOOP', 'is a symbolic link that leads back to itself'],
  ['ENAMETOOLONG', 'has a name that is too long'],
  ['EACCES', 'may not be read'],
]);
