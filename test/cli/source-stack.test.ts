// SPDX-License-Identifier: BSD-2-Clause
// The stack of an internal error names lines of the sources, though the bundle has lost them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { toSourceStack } from '../../cli/source-stack.ts';

it('names file and line of the source, for causes too, and keeps what has no map', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'vmbuild-stack-'));
  try {
    const source = join(directory, 'source.ts');
    writeFileSync(source, `export const fail = (): never => {\n\n  throw new Error('ours');\n};\n`);
    await build({
      entryPoints: [source],
      outfile: join(directory, 'made.mjs'),
      minify: true,
      sourcemap: true,
      format: 'esm',
    });
    const { fail } = (await import(/* @vite-ignore */ pathToFileURL(join(directory, 'made.mjs')).href)) as {
      fail: () => never;
    };
    const inner = errorOf(fail);
    const outer = new Error('outer', { cause: inner });
    writeFileSync(join(directory, 'damaged.mjs.map'), '{');
    const mapless = `at f (file://${directory}/no-map.mjs:3:4)\n    at g (file://${directory}/damaged.mjs:5:6)`;
    outer.stack = `Error: outer\n    ${mapless}`;
    toSourceStack(outer);
    expect(inner.stack).toContain(`${source}:3:9`);
    expect(inner.stack).not.toContain('made.mjs');
    expect(outer.stack).toContain(mapless);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

it('the bundle has maps, with no path of the machine that made them', () => {
  const text = readFileSync('dist/quick.cjs.map', 'utf8');
  expect(text).toContain('meta/place.ts');
  expect(text).not.toContain(process.cwd());
});

function errorOf(fail: () => never): Error {
  try {
    return fail();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}
