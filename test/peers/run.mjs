// SPDX-License-Identifier: BSD-2-Clause
// `node test/peers/run.mjs NAME ARGUMENTS` bundles test/peers/NAME.ts, as make/bundle.mjs does with vmbuild, and runs it.
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [name = '', ...words] = process.argv.slice(2);
const output = join(root, 'build', 'peers', `${name}.mjs`);
await build({
  entryPoints: [join(root, 'test', 'peers', `${name}.ts`)],
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
