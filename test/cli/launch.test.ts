// SPDX-License-Identifier: BSD-2-Clause
// dist/vmbuild.cjs: the quick commands' own script says and does what the modules do, and what the engine keeps of it is
// used when it fits and is never in the way.
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { commandNames } from '../../cli/vmbuild.ts';
import { packageRoot, runScript } from '../e2e/program.ts';
import { scratchDir } from '../make/scratch.ts';

const fixtures = join(packageRoot, 'test/meta/fixtures');
const good = join(packageRoot, 'test/cli/launch.system');
const mistaken = join(fixtures, 'SDF301.system');

/** A package whose program has kept nothing yet. */
function freshPackage(): { root: string; compiled: string; kept: () => string[] } {
  const root = scratchDir('a package');
  const compiled = join(root, 'dist/compiled');
  cpSync(join(packageRoot, 'dist'), join(root, 'dist'), {
    recursive: true,
    filter: (path) => !path.endsWith('compiled'),
  });
  for (const name of ['package.json', 'boards', 'node_modules'])
    symlinkSync(join(packageRoot, name), join(root, name));
  return { root, compiled, kept: () => readdirSync(compiled).toSorted() };
}

it.each([
  ['boards'],
  ['boards', '--json'],
  ['boards', '--jsn'],
  ['boards', 'extra'],
  ['check', good],
  ['check', '--json', good],
  ['check', mistaken],
  ['check', '--json', mistaken],
  ['check', '--arch', 'riscv64', mistaken],
  ['check', 'no such file'],
  ['check', '--help'],
  ['check', '--board', 'no-such-board'],
  ['check', '--system', 'no such file'],
  ['check', '-b', 'x', '-b', 'y'],
  ['check', '-C', 'no such directory'],
  ['check', '--', good],
  ['generate', '--output', '/dev/null/here'],
])('%s %s %s: script and modules say the same', async (...line) => {
  const [script, modules] = await Promise.all(
    ['dist/vmbuild.cjs', 'dist/run.js'].map((program) => runScript(program, line)),
  );
  expect(script).toEqual(modules);
});

it('what is compiled is kept for the next run, and no other is written then', async () => {
  const { root, compiled, kept } = freshPackage();
  const first = await runScript('dist/vmbuild.cjs', ['check', good], { root });
  expect(first.stdout).toContain('nothing is wrong');
  expect(kept()).toEqual([expect.stringMatching(/^check-[0-9a-f]{16}-v[0-9.]+-\w+$/)]);
  const { ino } = statSync(join(compiled, kept()[0] ?? ''));
  expect(await runScript('dist/vmbuild.cjs', ['check', good], { root })).toEqual(first);
  expect(statSync(join(compiled, kept()[0] ?? '')).ino).toBe(ino);
  await runScript('dist/vmbuild.cjs', ['boards'], { root });
  await runScript('dist/vmbuild.cjs', ['check', '--help'], { root });
  expect(kept().map((name) => name.split('-')[0])).toEqual(['boards', 'check']);
});

it.each([
  ['nothing', (code: Buffer) => code.subarray(0, 0)],
  ['half of it', (code: Buffer) => code.subarray(0, code.length / 2)],
  ['zeros', (code: Buffer) => Buffer.alloc(code.length)],
])('%s instead of what was kept is replaced', async (_what, damage) => {
  const { root, compiled, kept } = freshPackage();
  const first = await runScript('dist/vmbuild.cjs', ['check', good], { root });
  const file = join(compiled, kept()[0] ?? '');
  const code = readFileSync(file);
  writeFileSync(file, damage(code));
  expect(await runScript('dist/vmbuild.cjs', ['check', good], { root })).toEqual(first);
  expect(readFileSync(file).length).toBeGreaterThan(code.length / 2);
  expect(kept()).toHaveLength(1);
});

it('where nothing can be kept everything works', async () => {
  const { root, compiled } = freshPackage();
  writeFileSync(compiled, '');
  const ended = await runScript('dist/vmbuild.cjs', ['check', good], { root });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
});

it('a package in a directory of any name', async () => {
  const outer = freshPackage().root;
  const root = join(outer, "100% #1? it's ü");
  mkdirSync(root);
  for (const name of ['dist', 'package.json', 'boards'])
    cpSync(join(outer, name), join(root, name), { recursive: true });
  const ended = await runScript('dist/vmbuild.cjs', ['boards'], { root });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
});

it('each is a command, and the script has no part of the others', () => {
  const launcher = readFileSync(join(packageRoot, 'dist/vmbuild.cjs'), 'utf8');
  const [, quick = ''] = /"commands":(\[[^\]]+\])/.exec(launcher) ?? [];
  expect(commandNames).toEqual(expect.arrayContaining(JSON.parse(quick) as string[]));
  const { sources } = readMap();
  expect(sources.some((source) => source.endsWith('cli/commands/check.ts'))).toBe(true);
  const others = sources.filter(
    (source) =>
      !source.startsWith('left out:') &&
      /yargs|esbuild|undici|cli\/user-(system|bundle)|commands\/build/.test(source),
  );
  expect(others).toEqual([]);
});

it('it is read as ASCII, and is', () => {
  // oxlint-disable-next-line no-control-regex
  expect(readFileSync(join(packageRoot, 'dist/quick.cjs'), 'utf8')).toMatch(/^[\0-\x7f]*$/);
});

it('its map leads to the lines of the sources', () => {
  const script = readFileSync(join(packageRoot, 'dist/quick.cjs'), 'utf8');
  const before = script.slice(0, script.indexOf('the root element is')).split('\n');
  const entry = new SourceMap(readMap()).findEntry(before.length - 1, before.at(-1)?.length ?? 0);
  if (!('originalSource' in entry)) throw new Error('no entry');
  expect(entry.originalSource).toMatch(/meta\/sdf\/parse\.ts$/);
  const source = readFileSync(join(packageRoot, 'meta/sdf/parse.ts'), 'utf8').split('\n');
  expect(source[entry.originalLine]).toContain('the root element is');
});

const readMap = (): SourceMapPayload =>
  JSON.parse(readFileSync(join(packageRoot, 'dist/quick.cjs.map'), 'utf8')) as SourceMapPayload;
