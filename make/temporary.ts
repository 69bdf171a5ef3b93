// SPDX-License-Identifier: BSD-2-Clause
// Names for files that are being made: in the directory where they will be renamed, so that the rename is atomic, and
// with the name of their process, so that what a killed build left is recognised and swept.
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { isAlive, ourselves } from './liveness.ts';

/** Compilers and linkers make temporary files of their own after the name of their output; those are swept as well. */
const pattern = /^\.vmbuild-(\d+)-(\d+)-/;
let count = 0;

/** Some programs look at the extension, so it stays; the rest of a long name would not fit beside ours. */
export function temporaryFor(path: string): string {
  count += 1;
  const extension = extname(path);
  const name = `.vmbuild-${ourselves.pid}-${ourselves.started}-${count}`;
  return join(dirname(path), name + (extension.length <= 16 ? extension : ''));
}

/** Writes a file so that under its name lies the old content or all of the new. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = temporaryFor(path);
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Removes what processes that are gone left in `directories`. */
export async function sweepTemporaries(directories: Iterable<string>): Promise<void> {
  for (const directory of new Set(directories)) {
    const names = await readdir(directory).catch(() => []); // not there yet
    for (const name of names) {
      const [, pid, started] = pattern.exec(name) ?? [];
      if (pid !== undefined && !isAlive({ pid: Number(pid), started: Number(started) }))
        await rm(join(directory, name), { recursive: true, force: true });
    }
  }
}
