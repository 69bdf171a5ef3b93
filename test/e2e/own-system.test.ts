// SPDX-License-Identifier: BSD-2-Clause
// `--system FILE` as users type it: bad files, contradicting flags, ready-made images, and --watch.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { needSdk, needTools, packageRoot, processesIn, scratch, vmbuild } from './program.ts';

const hello = `import { defineSystem } from 'vmbuild/meta';
export default defineSystem(({ sdf }) => {
  sdf.addPd({ name: 'hello', priority: 1, program: { sources: ['hello.c'] } });
});
`;

function project(files: Readonly<Record<string, string>>): string {
  const directory = scratch('vmbuild own ');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

const generate = (cwd: string, ...args: readonly string[]) =>
  vmbuild(['generate', '--output', 'out', ...args], { cwd });

it.each([
  ['USR101', 2, 'is not there', 'sytem.ts', {}],
  ['USR102', 2, 'is a directory', '.', {}],
  ['USR102', 2, 'is endless', '/dev/zero', {}],
  ['USR103', 2, 'is JSON', 'package.json', { 'package.json': '{}' }],
  ['USR103', 2, 'is an SDF', 'a.system', { 'a.system': '<system/>' }],
  ['USR104', 1, 'is garbage', 'a.ts', { 'a.ts': '\u0000\u001b[31m\ufffd\u0007' }],
  ['USR104', 1, 'is JSON in disguise', 'a.ts', { 'a.ts': '{"a": 1, "b": [2]}' }],
  ['USR105', 1, 'throws', 'a.ts', { 'a.ts': 'throw new Error("no");' }],
  ['USR105', 1, 'throws in the description', 'a.ts', { 'a.ts': hello.replace('sdf.addPd', 'sdf.addPD') }],
  ['USR107', 1, 'is empty', 'a.ts', { 'a.ts': '' }],
  ['USR107', 1, 'exports by name only', 'a.ts', { 'a.ts': 'export const system = 1;' }],
  ['USR108', 1, 'exports something else', 'a.ts', { 'a.ts': 'export default { name: "x" };' }],
  ['USR108', 1, 'exports a function', 'a.ts', { 'a.ts': 'export default () => undefined;' }],
] as const)('%s, exit %i: a description that %s', async (code, exit, _, name, files) => {
  const directory = project({ 'system.ts': hello, ...(files as Readonly<Record<string, string>>) });
  const run = await generate(directory, '--system', name);
  expect(run.stderr).toContain(`error[${code}]`);
  expect({ code: run.code, stdout: run.stdout }).toEqual({ code: exit, stdout: '' });
  // Neither a stack nor what is no text.
  expect(run.stderr).not.toMatch(/^\s+at .*\(.*:\d+:\d+\)$/m);
  // oxlint-disable-next-line no-control-regex -- these are what must not be there
  expect(run.stderr).not.toMatch(/[\u0000\u0007\u001b]/);
  expect(existsSync(join(directory, 'out', 'own.system'))).toBe(false);
});

it('a finding has the line of the description, and all are said', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const text = hello
    .replace('priority: 1', 'priority: 300')
    .replace('});\n});', `});\n  sdf.addMr({ name: 'm', size: 5n });\n});`);
  const directory = project({ 'my.ts': text });
  for (const command of [['generate', '--output', 'out'], ['check']]) {
    const run = await vmbuild([...command, '--system', 'my.ts'], { cwd: directory });
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/priority must be between 0 and 254 .*'hello' has 300.*\n {2}at my\.ts:3:7\n/);
    expect(run.stderr).toMatch(/size is not a multiple of the page size .*'m': 0x5.*\n {2}at my\.ts:4:7\n/);
  }
});

it('what a description prints goes to stderr, and a server that it starts does not keep the program alive', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const noisy = `import { createServer } from 'node:net';\ncreateServer().listen(0);\nconsole.log('noise');\n${hello}`;
  const directory = project({ 'my.ts': noisy });
  const run = await generate(directory, '--system', 'my.ts', '--json');
  expect(run.code, run.stderr).toBe(0);
  expect(run.stderr).toContain('noise');
  expect(JSON.parse(run.stdout)).toMatchObject({ version: 1 });
});

it('Ctrl-C ends a description that loops', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const directory = project({ 'my.ts': `console.log('looping'); for (;;) ;` });
  let isSent = false;
  const run = await vmbuild(['generate', '--system', 'my.ts', '--output', 'out'], {
    cwd: directory,
    // Of npm it takes one Ctrl-C more (cli/signals.ts).
    env: { npm_lifecycle_event: undefined },
    onStderr: (text, child) => {
      if (!isSent && text.includes('looping')) isSent = child.kill('SIGINT');
    },
  });
  expect(run.signal, run.stderr).toBe('SIGINT');
  expect(processesIn(directory)).toEqual([]);
});

it.each([
  ['ARG140', ['generate', '--watch']],
  ['ARG141', ['generate', '--system', 'my.ts', '--vms', '3']],
  ['ARG143', ['check', '--system', 'my.ts', 'my.system']],
  ['ARG144', ['check', '--system', 'my.ts', '--arch', 'riscv64']],
] as const)('%s: %j', async (code, args) => {
  const directory = project({ 'my.ts': hello, 'my.system': '<system/>' });
  const run = await vmbuild(args, { cwd: directory });
  expect(run.stderr).toContain(`error[${code}]`);
  expect(run.code).toBe(2);
});

it('sources and images that are not there are named, with the line', async (ctx) => {
  await needSdk(ctx);
  const directory = project({ 'my.ts': hello });
  const source = await vmbuild(['build', '--system', 'my.ts'], { cwd: directory });
  expect(source.stderr).toMatch(/error\[USR201\]: source 'hello\.c' of 'hello'.*\n {2}at my\.ts:3:7\n/);
  writeFileSync(join(directory, 'my.ts'), hello.replace(", program: { sources: ['hello.c'] }", ''));
  const image = await vmbuild(['build', '--system', 'my.ts'], { cwd: directory });
  expect(image.stderr).toMatch(
    /error\[USR202\]: 'hello' has no program, and its image 'hello\.elf'.*\n {2}at my\.ts:3:7\n/,
  );
});

it('what only the SDK knows is judged when an image is built', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  await needSdk(ctx);
  const files = { 'system.ts': hello.replace('priority: 1', 'priority: 1, cpu: 3'), 'hello.c': '' };
  const directory = project(files);
  const check = await vmbuild(['generate', '--system', 'system.ts', '--output', 'out'], { cwd: directory });
  expect(check.code).toBe(0);
  const build = await vmbuild(['build', '--system', 'system.ts', '--build-dir', 'built'], { cwd: directory });
  expect(build.stderr).toContain(
    "error[SDF509]: cpu core must be less than 1, got 3 on element 'protection_domain'",
  );
  expect(build.stderr).toContain('at system.ts:3:7');
  expect(build.code).toBe(1);
  expect(existsSync(join(directory, 'built', 'loader.img'))).toBe(false);
});

it('an image that is there is taken, and gets its configs', { timeout: 240_000 }, async (ctx) => {
  await needSdk(ctx);
  const directory = project({
    'a.ts': `import { defineSystem, fields, struct } from 'vmbuild/meta';
const type = struct({ cName: 'struct note', fields: { text: fields.text(64) } });
export default defineSystem(({ sdf, addConfig }) => {
  const pd = sdf.addPd({ name: 'hello', priority: 1, program: { sources: ['hello.c'] } });
  addConfig(pd, type, { text: 'as it was built' });
});
`,
    'hello.c': `#include <microkit.h>
#include SYSTEM_HEADER
void init(void) { microkit_dbg_puts(note.text); microkit_dbg_puts("\\n"); }
void notified(microkit_channel channel) { (void)channel; }
`,
  });
  const first = await vmbuild(['build', '--system', 'a.ts', '--build-dir', 'first'], { cwd: directory });
  expect(first.code, first.stderr).toBe(0);
  const images = join(directory, 'images');
  mkdirSync(images);
  copyFileSync(join(directory, 'first/hello.elf'), join(images, 'hello.elf'));
  const text = readFileSync(join(directory, 'a.ts'), 'utf8');
  writeFileSync(
    join(directory, 'b.ts'),
    text.replace(", program: { sources: ['hello.c'] }", '').replace('as it was built', 'as it was patched'),
  );
  const second = await vmbuild(
    ['build', '--system', 'b.ts', '--build-dir', 'second', '--search-path', 'images'],
    { cwd: directory },
  );
  expect(second.code, second.stderr).toBe(0);
  expect(readFileSync(join(directory, 'second/hello.elf'), 'latin1')).toContain('as it was patched');
  expect(readFileSync(join(images, 'hello.elf'), 'latin1')).toContain('as it was built');
});

// ---- --watch -------------------------------------------------------------------------------------------------------

interface Watched {
  readonly child: ChildProcess;
  /** Resolves when `count` runs are over; gives all of stderr. */
  runs(count: number): Promise<string>;
  end(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

function watched(cwd: string, args: readonly string[]): Watched {
  const child = spawn(process.execPath, [join(packageRoot, 'dist/vmbuild.cjs'), ...args, '--watch'], {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    // Of npm it takes one Ctrl-C more (cli/signals.ts).
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'npm_lifecycle_event')),
  });
  let text = '';
  let wake = (): void => undefined;
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    wake();
  });
  const closed = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return {
    child,
    runs: async (count) => {
      while (text.split('Ctrl-C ends').length - 1 < count) {
        if (child.exitCode !== null) throw new Error(text);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return text;
    },
    end: () => {
      child.kill('SIGINT');
      return closed;
    },
  };
}

it('--watch does it again after each change, survives errors and editors, and ends on Ctrl-C', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const part = `export const name = 'one';\n`;
  const directory = project({
    'my.ts': hello.replace("'hello'", 'name').replace('export', "import { name } from './part.ts';\nexport"),
    'part.ts': part,
  });
  const sdf = (): string => readFileSync(join(directory, 'out/my.system'), 'utf8');
  const watch = watched(directory, ['generate', '--system', 'my.ts', '--output', 'out']);
  await watch.runs(1);
  expect(sdf()).toContain('name="one"');

  writeFileSync(join(directory, 'part.ts'), part.replace('one', 'two'));
  expect(await watch.runs(2)).toContain('changed: part.ts');
  expect(sdf()).toContain('name="two"');

  writeFileSync(join(directory, 'part.ts'), 'export const name = ;\n');
  expect(await watch.runs(3)).toMatch(/error\[USR104\].*\n {2}at part\.ts:1:21/);

  // As editors save: a new file in the old one's place.
  writeFileSync(join(directory, 'part.ts~'), part.replace('one', 'four'));
  renameSync(join(directory, 'part.ts~'), join(directory, 'part.ts'));
  await watch.runs(4);
  expect(sdf()).toContain('name="four"');

  rmSync(join(directory, 'part.ts'));
  expect(await watch.runs(5)).toContain('could not resolve "./part.ts"');
  writeFileSync(join(directory, 'part.ts'), part.replace('one', 'six'));
  await watch.runs(6);
  expect(sdf()).toContain('name="six"');

  expect(await watch.end()).toEqual({ code: null, signal: 'SIGINT' });
  expect(processesIn(directory)).toEqual([]);
});

it('--watch of a build sees sources and the headers that they include', { timeout: 240_000 }, async (ctx) => {
  await needSdk(ctx);
  const c = `#include <microkit.h>\n#include "text.h"\nvoid init(void) { microkit_dbg_puts(TEXT); }\nvoid notified(microkit_channel c) { (void)c; }\n`;
  const directory = project({ 'my.ts': hello, 'hello.c': c });
  mkdirSync(join(directory, 'include'));
  const header = join(directory, 'include', 'text.h');
  writeFileSync(header, '#define TEXT "one one one"\n');
  writeFileSync(join(directory, 'my.ts'), hello.replace("['hello.c']", "['hello.c'], includes: ['include']"));
  const watch = watched(directory, ['build', '--system', 'my.ts']);
  const elf = (): string => readFileSync(join(directory, 'build/hello.elf'), 'latin1');
  await watch.runs(1);
  expect(elf()).toContain('one one one');
  writeFileSync(header, '#define TEXT "two two two"\n');
  expect(await watch.runs(2)).toContain('changed: include/text.h');
  expect(elf()).toContain('two two two');
  writeFileSync(join(directory, 'hello.c'), c.replace('TEXT)', 'NONE)'));
  expect(await watch.runs(3)).toMatch(/use of undeclared identifier 'NONE'/);
  writeFileSync(join(directory, 'hello.c'), c.replace('TEXT)', '"again and again")'));
  await watch.runs(4);
  expect(elf()).toContain('again and again');
  expect(await watch.end()).toEqual({ code: null, signal: 'SIGINT' });
  expect(processesIn(directory)).toEqual([]);
});
