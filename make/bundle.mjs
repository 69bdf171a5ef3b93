// SPDX-License-Identifier: BSD-2-Clause
// `npm ci` runs this as `prepare`: one bundle in dist/, commands split off so that `vmbuild --help` loads no tool
// driver. Nothing but Node is needed at run time.
import { chmod, rm } from 'node:fs/promises';
import { build } from 'esbuild';

await rm('dist', { recursive: true, force: true });
await build({
  entryPoints: { vmbuild: 'cli/vmbuild.ts' },
  outdir: 'dist',
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
await chmod('dist/vmbuild.js', 0o755);
