// SPDX-License-Identifier: BSD-2-Clause
// `npm ci` runs this as `prepare`: one bundle in dist/, commands split off so that `vmbuild --help` loads no tool
// driver. The description library, `vmbuild/meta`, is a second entry into the same chunks: whoever imports it and the
// program that runs have one copy. Nothing but Node is needed at run time. Built beside dist/ and renamed, so that no half
// of it is ever run. With --types also what editors read of `vmbuild/meta`; without, what is there of it stays.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, rm, rename } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

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
  await build({
    entryPoints: { vmbuild: 'cli/vmbuild.ts', meta: 'meta/index.ts' },
    outdir: fresh,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    sourcemap: true,
    chunkNames: 'chunks/[name]-[hash]',
    banner: { js: '#!/usr/bin/env node' },
    logLevel: 'warning',
  });
  await chmod(`${fresh}/vmbuild.js`, 0o755);
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
