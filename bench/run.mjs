// SPDX-License-Identifier: BSD-2-Clause
// `npm run bench NAME -- ARGUMENTS` bundles bench/NAME.ts, as make/bundle.mjs does with vmbuild, and runs it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const names = readdirSync(join(root, 'bench'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));
const [name, ...words] = process.argv.slice(2);

if (name === undefined || !names.includes(name)) {
  process.stderr.write(
    `usage: npm run bench NAME -- ARGUMENTS\nbenchmarks: ${names.toSorted().join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  const output = join(root, 'build', 'bench', `${name}.mjs`);
  await build({
    entryPoints: [join(root, 'bench', `${name}.ts`)],
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
