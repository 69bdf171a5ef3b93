// SPDX-License-Identifier: BSD-2-Clause
// A program of the tests as one JavaScript file, to be run in a process of its own.
import { build } from 'esbuild';

export async function bundled(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
    // What is CommonJS among the dependencies asks for Node's own modules by require.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  return outputFiles[0]?.text ?? '';
}
