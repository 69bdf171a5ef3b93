// SPDX-License-Identifier: BSD-2-Clause
// A description of the user's own is bundled and run: what it imports, where it fails, and what ends one that does not end.

import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bundleUserFile } from '../../cli/user-bundle.ts';
import { runUserCode } from '../../cli/user-run.ts';
import { systemName } from '../../cli/user-system.ts';
import { isDefinedSystem } from '../../meta/define-system.ts';
import { type Diagnostic, Refusal } from '../../meta/diagnostic.ts';
import { callSite } from '../../meta/place.ts';
import * as meta from '../../meta/index.ts';

/** A directory with these files; gives its path. */
function folder(files: Readonly<Record<string, string>>, name = 'vmbuild (user) '): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), name)));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), text);
  }
  return directory;
}

async function load(
  files: Readonly<Record<string, string>>,
  { deadlineMs = 5000, signal = new AbortController().signal } = {},
): Promise<{ exported: Readonly<Record<string, unknown>>; directory: string; inputs: readonly string[] }> {
  const directory = folder(files);
  const file = join(directory, 'system.ts');
  const bundle = await bundleUserFile(file);
  const use = async (all: Readonly<Record<string, unknown>>) => {
    const value: unknown = typeof all['default'] === 'function' ? all['default']() : all['default'];
    return { ...all, default: value };
  };
  const exported = await runUserCode({ file, bundle, use, signal, deadlineMs });
  return { exported, directory, inputs: bundle.inputs };
}

async function refused(work: Promise<unknown>): Promise<readonly Diagnostic[]> {
  const error = await work.then(
    () => expect.unreachable('it is refused'),
    (reason: unknown) => reason,
  );
  if (error instanceof Refusal) return error.diagnostics;
  throw error;
}

test('vmbuild/meta is the copy of the program, also where nothing is installed', async () => {
  const { exported } = await load({
    'system.ts': `import * as meta from 'vmbuild/meta'; export { meta };
      export default meta.defineSystem(() => undefined);`,
  });
  expect(isDefinedSystem(exported['default'])).toBe(true);
  const theirs = exported['meta'] as typeof meta;
  expect(theirs.SystemBuilder).toBe(meta.SystemBuilder);
  expect(Object.keys(theirs).toSorted()).toEqual(Object.keys(meta).toSorted());
});

test('imports files, packages of either kind, Node, and by names of tsconfig.json', async () => {
  const { exported, directory, inputs } = await load({
    'system.ts': `import { a } from './parts/a.ts'; import cjs, { named } from 'cjs'; import esm, { other } from 'esm';
      import { basename } from 'node:path'; import { c } from '@/c.ts'; import type { T } from 'types-only';
      const t: T = 1;
      export default [a, cjs.named, named, esm, other, basename('/x/y'), c, t];`,
    'parts/a.ts': `import { b } from './b.js'; enum E { One = 1 } export const a: number = E.One + b;`,
    'parts/b.js': 'export const b = 1;',
    'parts/c.ts': `export const c = 'c';`,
    'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./parts/*"] } } }',
    'node_modules/cjs/index.js': `exports.named = 'cjs';`,
    'node_modules/esm/package.json': '{"type": "module", "exports": {"import": "./main.js"}}',
    'node_modules/esm/main.js': `export const other = 'esm'; export default await Promise.resolve('default');`,
  });
  expect(exported['default']).toEqual([2, 'cjs', 'cjs', 'default', 'esm', 'y', 'c', 1]);
  expect(inputs.map((path) => path.slice(directory.length + 1)).toSorted()).toEqual([
    'parts/a.ts',
    'parts/b.js',
    'parts/c.ts',
    'system.ts',
  ]);
});

test('each file knows its own place, and nothing is left beside them', async () => {
  const { exported, directory } = await load({
    'system.ts': `import { inner } from './parts/inner.ts';
      export default [import.meta.filename, import.meta.dirname, import.meta.url, inner];`,
    'parts/inner.ts': 'export const inner = import.meta.filename;',
  });
  const url = new URL('file:///');
  url.pathname = join(directory, 'system.ts');
  expect(exported['default']).toEqual([
    join(directory, 'system.ts'),
    directory,
    url.href,
    join(directory, 'parts/inner.ts'),
  ]);
  expect(readdirSync(directory).toSorted()).toEqual(['parts', 'system.ts']);
});

test('awaits at the top, and a description may be awaited', async () => {
  const { exported } = await load({
    'system.ts': `import { readFile } from 'node:fs/promises';
      const text = await readFile(import.meta.filename, 'utf8'); export default text.length > 10;`,
  });
  expect(exported['default']).toBe(true);
});

test('an exception has the line that threw, in the file where it was thrown', async () => {
  const files = {
    'system.ts': `import { part } from './part.ts';\n\nexport default () => part(1);`,
    'part.ts': `interface Long {\n  x: number;\n}\nexport function part(x: Long['x']): never {\n    throw new TypeError('no ' + x);\n}`,
  };
  const [finding] = await refused(load(files));
  expect(finding).toMatchObject({
    code: 'USR105',
    message: 'the description throws TypeError: no 1',
    place: { file: expect.stringMatching(/\/part\.ts$/), line: 5, column: 11 },
  });
});

test.each([
  ['a text', `throw 'text';`, 'text'],
  ['nothing', 'throw undefined;', 'undefined'],
  ['a rejection', 'await Promise.reject(new Error("late"));', 'late'],
])('whatever is thrown is told: %s', async (_, code, message) => {
  const [finding] = await refused(load({ 'system.ts': `${code} export default 1;` }));
  expect(finding).toMatchObject({ code: 'USR105', message: `the description throws ${message}` });
});

test('what the library finds has the line of the description, through functions of the user', async () => {
  const { exported } = await load({
    'system.ts': `import { SystemBuilder, paddr } from 'vmbuild/meta';
const sdf = new SystemBuilder({ arch: 'aarch64', paddrTop: paddr(0x1000n) });

const add = (name: string) =>
  sdf.addPd({ name, priority: 300 });
add('a');
sdf.addMr({ name: 'm', size: 1n });
export default sdf.describe();`,
  });
  const system = exported['default'] as meta.SystemDescription;
  expect([system.protectionDomains[0]?.place, system.memoryRegions[0]?.place]).toEqual([
    { file: expect.stringMatching(/ \S+\/system\.ts$/), line: 5, column: 7 },
    { file: expect.any(String), line: 7, column: 5 },
  ]);
  expect(callSite()?.file).toBe(import.meta.filename);
});

test('all places that are no TypeScript or import what is not there are said', async () => {
  const missing = { 'system.ts': `import 'nowhere';\nimport './no.ts';\nexport default 1;` };
  expect(
    (await refused(load(missing))).map(({ code, message, place }) => [code, message, place?.line]),
  ).toEqual([
    ['USR104', `the description cannot be read: could not resolve "nowhere", in: import 'nowhere';`, 1],
    ['USR104', `the description cannot be read: could not resolve "./no.ts", in: import './no.ts';`, 2],
  ]);
  const [broken] = await refused(load({ 'system.ts': `import './a.ts';`, 'a.ts': 'const x = ;\n' }));
  expect(broken?.place).toEqual({ file: expect.stringMatching(/\/a\.ts$/), line: 1, column: 11 });
});

test('a package that cannot be imported is told at its import', async () => {
  const files = {
    'system.ts': `\nimport 'bad';`,
    'node_modules/bad/index.js': `throw new Error('broken package');`,
  };
  const [finding] = await refused(load(files));
  expect(finding?.message).toContain(`node_modules/bad/index.js' cannot be imported: broken package`);
  expect(finding?.place?.line).toBe(2);
});

test.each([
  ['a loop at the top', 'for (;;) ;'],
  ['a loop in the description', 'export default () => { for (;;) ; };'],
  ['an await of what never comes', 'setInterval(() => {}, 1000).unref(); await new Promise(() => {});'],
])('ends at the deadline: %s', async (_, code) => {
  const [finding] = await refused(load({ 'system.ts': code }, { deadlineMs: 300 }));
  expect(finding).toMatchObject({ code: 'USR106', place: { file: expect.stringMatching(/system\.ts$/) } });
});

test('a signal ends what is awaited', async () => {
  const stop = new AbortController();
  const files = { 'system.ts': 'await new Promise(() => {});' };
  setTimeout(() => stop.abort(new Error('stopped')), 50);
  await expect(load(files, { signal: stop.signal })).rejects.toThrow('stopped');
});

test('a system is called after its file, or its directory', () => {
  expect(['/a/my.system.ts', '/a/system.ts', '/a/b/index.mjs', '/system.ts'].map(systemName)).toEqual([
    'my.system',
    'a',
    'b',
    'system',
  ]);
});
