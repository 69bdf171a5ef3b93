// SPDX-License-Identifier: BSD-2-Clause
// `npm ci` runs this as `prepare`: one bundle in dist/, commands split off so that `vmbuild --help` loads no tool
// driver. Nothing but Node is needed at run time. Built beside dist/ and renamed, so that no half of it is ever run.
import { chmod, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const fresh = `dist.${process.pid}.new`;
try {
  await build({
    entryPoints: { vmbuild: 'cli/vmbuild.ts' },
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
  await rm('dist', { recursive: true, force: true });
  await rename(fresh, 'dist');
} finally {
  await rm(fresh, { recursive: true, force: true });
}
