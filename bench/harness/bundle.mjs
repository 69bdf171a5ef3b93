// SPDX-License-Identifier: BSD-2-Clause
// Bundles a program of this repository that is no part of vmbuild, as make/bundle.mjs does with vmbuild, and runs it here.
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** `source`: where in the repository its TypeScript is; the bundle goes to `build/KIND`. */
export async function runBundled(source, kind, words) {
  const output = join(root, 'build', kind, `${basename(source, '.ts')}.mjs`);
  await build({
    entryPoints: [join(root, source)],
    outfile: output,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    sourcemap: true,
    logLevel: 'warning',
  });
  process.argv = [process.execPath, output, ...words];
  await import(pathToFileURL(output).href);
}
