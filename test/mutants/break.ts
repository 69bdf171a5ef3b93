// SPDX-License-Identifier: BSD-2-Clause
// Puts one mistake into a copy of a source, for whoever must notice it: the C tests, the fuzzer, a proof, the model.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Mistake {
  readonly file: string;
  /** Text that occurs in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface BrokenSource {
  /** The copy, which is written unless there is a fault. */
  readonly source: string;
  /** Why this is no mutant. */
  readonly fault: string | undefined;
}

export async function breakSource(
  sourceDir: string,
  { file, find, replace }: Mistake,
  dir: string,
): Promise<BrokenSource> {
  const source = join(dir, file);
  const text = await readFile(join(sourceDir, file), 'utf8');
  const places = text.split(find).length - 1;
  if (places !== 1) return { source, fault: `its text occurs ${places} times` };
  await mkdir(dir, { recursive: true });
  await writeFile(
    source,
    text.replace(find, () => replace),
  );
  return { source, fault: undefined };
}
