// SPDX-License-Identifier: BSD-2-Clause
// `npm ci` runs this as `prepare`: one bundle in dist/ with all that it needs of others' libraries (but esbuild), because
// Node takes longer to find and load their many files than a short command to do its work. Commands are split off, so that
// `vmbuild --help` loads no tool driver; those that are run many times in a row are a script besides (bundle-quick.mjs).
// The description library, `vmbuild/meta`, is a second entry into the same chunks: whoever imports it and the program that
// runs have one copy. Nothing but Node is needed at run time. Built beside dist/ and renamed, so that no half of it is ever
// run. With --types also what editors read of `vmbuild/meta`; without, what is there of it stays.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { checkedBoards } from './bundle-boards.mjs';
import { licensesOf } from './bundle-licenses.mjs';
import { bundleQuick } from './bundle-quick.mjs';

const options = {
  platform: 'node',
  target: 'node20.19',
  // Less to read at each start. Names stay: people read stacks.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  sourcemap: true,
  // Bundles systems of the user's own; it has a program beside it.
  external: ['esbuild'],
  logLevel: 'warning',
};

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const fresh = `dist.${process.pid}.new`;
try {
  await Promise.all([bundle(), process.argv.includes('--types') ? declareTypes() : keepTypes()]);
  await rm('dist', { recursive: true, force: true });
  await rename(fresh, 'dist');
} finally {
  await rm(fresh, { recursive: true, force: true });
}

async function bundle() {
  const { metafile } = await build({
    ...options,
    format: 'esm',
    entryPoints: { run: 'cli/run.ts', meta: 'meta/index.ts' },
    outdir: fresh,
    bundle: true,
    splitting: true,
    plugins: [checkedBoards],
    metafile: true,
    chunkNames: 'chunks/[name]-[hash]',
    // Libraries that are CommonJS ask for Node's modules by `require`, and for nothing else.
    banner: { js: 'const require=process.getBuiltinModule;' },
  });
  await bundleQuick(fresh, options);
  await writeFile(`${fresh}/LICENSES`, await licensesOf(Object.keys(metafile.inputs)));
}

async function declareTypes() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const words = [tsc, '-p', 'make/types.json', '--outDir', `${fresh}/types`];
  const [code] = await once(spawn(process.execPath, words, { stdio: 'inherit' }), 'exit');
  if (code !== 0) throw new Error(`tsc ended with ${code}`);
}

/** The types only change with meta/, and take ten times as long as the bundle. */
async function keepTypes() {
  await cp('dist/types', `${fresh}/types`, { recursive: true }).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
