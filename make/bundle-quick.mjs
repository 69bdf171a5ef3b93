// SPDX-License-Identifier: BSD-2-Clause
// The quick commands as one script, dist/quick.cjs, and dist/vmbuild.cjs, which starts it (cli/launch.cjs).
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { checkedBoards } from './bundle-boards.mjs';

export const quickCommands = ['boards', 'check', 'generate'];

export async function bundleQuick(outdir, options) {
  await build({
    ...options,
    entryPoints: ['cli/quick.ts'],
    outfile: join(outdir, 'quick.cjs'),
    bundle: true,
    format: 'cjs',
    plugins: [checkedBoards, onlyQuick],
    // A function: the launcher gives it what a module would have.
    banner: { js: '(function(require,__url){const module={};' },
    footer: { js: 'return module.exports})' },
    define: { 'import.meta.url': '__url' },
  });
  const script = await readFile(join(outdir, 'quick.cjs'));
  const id = createHash('sha256').update(script).digest('hex').slice(0, 16);
  const launcher = await readFile('cli/launch.cjs', 'utf8');
  const program = launcher.replace('QUICK', JSON.stringify({ commands: quickCommands, id }));
  await writeFile(join(outdir, 'vmbuild.cjs'), program, { mode: 0o755 });
}

/** What a quick command with a plain line never asks for is no part of the script. */
const onlyQuick = {
  name: 'only what is quick',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /./ }, ({ path, kind }) => {
      const [, command] = /^\.\/commands\/(.+)\.ts$/.exec(path) ?? [];
      const isLeftOut = command === undefined ? leftOut.includes(path) : !quickCommands.includes(command);
      return kind === 'dynamic-import' && isLeftOut ? { path, namespace: 'left out' } : undefined;
    });
    onLoad({ filter: /./, namespace: 'left out' }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(`${path} is not part of this script`)})`,
    }));
  },
};

/** As their importers call them. */
const leftOut = ['./yargs-line.ts', './user-system.ts', '../user-system.ts'];
