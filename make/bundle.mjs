// SPDX-License-Identifier: BSD-2-Clause
// `npm ci` runs this as `prepare`: one bundle in dist/ with all that it needs of others' libraries, because Node takes
// longer to find and load their many files than a short command to do its work. Commands are split off, so that
// `vmbuild --help` loads no tool driver. Built beside dist/ and renamed, so that no half of it is ever run.
import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { checkedBoards } from './bundle-boards.mjs';
import { joinChunks } from './bundle-core.mjs';
import { licensesOf } from './bundle-licenses.mjs';

/** What the shell, an editor or a Makefile may run many times in a row, and what is loaded with it. */
const quick = ['cli/vmbuild.ts', ...['boards', 'check', 'generate'].map((name) => `cli/commands/${name}.ts`)];

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const fresh = `dist.${process.pid}.new`;
const parts = `${fresh}.parts`;
const options = {
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // Less to read at each start. Names stay: people read stacks.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  sourcemap: true,
  logLevel: 'warning',
};
try {
  const { metafile } = await build({
    ...options,
    entryPoints: { vmbuild: 'cli/vmbuild.ts' },
    outdir: parts,
    bundle: true,
    splitting: true,
    plugins: [checkedBoards],
    metafile: true,
    chunkNames: 'chunks/[name]-[hash]',
    // Libraries that are CommonJS ask for Node's modules by `require`, and for nothing else.
    banner: { js: '#!/usr/bin/env node\nconst require=process.getBuiltinModule;' },
  });
  const { inputs, outputs } = metafile;
  const entries = Object.keys(outputs).filter((file) => quick.includes(outputs[file].entryPoint));
  await joinChunks({ parts, outdir: fresh, outputs, entries, options });
  await writeFile(`${fresh}/LICENSES`, await licensesOf(Object.keys(inputs)));
  await chmod(`${fresh}/vmbuild.js`, 0o755);
  await rm('dist', { recursive: true, force: true });
  await rename(fresh, 'dist');
} finally {
  await rm(fresh, { recursive: true, force: true });
  await rm(parts, { recursive: true, force: true });
}
