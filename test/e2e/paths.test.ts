// SPDX-License-Identifier: BSD-2-Clause
// Odd places: what the operating system allows in a name works, newlines and NUL are refused, and what cannot be is said in
// one line. Quotes, blanks and `$()` in names: test/make/engine.test.ts and test/e2e/build.test.ts.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { needStack, needTools, packageRoot, scratch, vmbuild } from './program.ts';
import { bare, expectRefusal } from './refusal.ts';

const program = join(packageRoot, 'dist/vmbuild.cjs');

/** `generate` into `output`, from `cwd`; twice, so that its own outputs are no surprise to it. */
async function generateTwice(cwd: string, output: string): Promise<void> {
  for (let i = 0; i < 2; i += 1) {
    const run = await vmbuild(['generate', '--output', output], { cwd });
    expect(run.stderr).not.toContain('error');
    expect(run.code).toBe(0);
  }
}

it('[Paths] newline: is refused, in a flag and in the working directory', async () => {
  const directory = scratch();
  expectRefusal(
    await vmbuild(['clean', '--build-dir', 'a\nb'], { cwd: directory }),
    2,
    /--build-dir holds a newline/,
  );
  const odd = join(directory, 'new\nline');
  mkdirSync(odd);
  const run = await vmbuild(['generate'], { cwd: odd, env: bare(directory) });
  expectRefusal(run, 2, /ARG101\]: the build directory ".*new\\nline\/build" holds a newline/);
  expect(readdirSync(odd)).toEqual([]);
});

it('[Paths] Unicode NFC and NFD: are two names, and each is kept as it is', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const directory = scratch();
  const forms = ['NFC', 'NFD'].map((form) => 'Küche é'.normalize(form));
  for (const name of forms) await generateTwice(directory, name);
  expect(readdirSync(directory).toSorted()).toEqual(forms.toSorted());
  for (const name of forms) expect(existsSync(join(directory, name, 'vsock.system'))).toBe(true);
});

it('[Paths] 255-byte names: of a directory work, and 256 are too many', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const directory = scratch();
  await generateTwice(directory, 'x'.repeat(255));
  const run = await vmbuild(['generate', '--output', 'x'.repeat(256)], { cwd: directory });
  expectRefusal(run, 1, /error\[\w+\]: .*ENAMETOOLONG/);
});

it('[Paths] > 4096 in all: is refused in one line', async () => {
  const directory = scratch();
  const output = Array.from({ length: 42 }, () => 'x'.repeat(100)).join('/');
  const run = await vmbuild(['generate', '--output', output], { cwd: directory });
  expectRefusal(run, 2, /ARG129\]: .* has \d+ bytes/, /choose a shorter one/);
  expect(readdirSync(directory)).toEqual([]);
});

it('[Paths] trailing slash: changes nothing', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const directory = scratch();
  const one = await vmbuild(['generate', '--output', 'out//'], { cwd: directory });
  const two = await vmbuild(['generate', '--output', 'out'], { cwd: directory });
  expect([one.code, two.code]).toEqual([0, 0]);
  expect(one.stdout).toBe(two.stdout);
  expect(one.stdout).not.toContain('//');
});

it('[Paths] symlinked or deleted working directory: a link is followed', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const directory = scratch();
  mkdirSync(join(directory, 'real'));
  symlinkSync('real', join(directory, 'link'));
  await generateTwice(join(directory, 'link'), 'out');
  expect(existsSync(join(directory, 'real/out/vsock.system'))).toBe(true);
});

it('[Paths] symlinked or deleted working directory: a deleted one is said, and -C is the way out', () => {
  const directory = scratch();
  const gone = join(directory, 'gone');
  mkdirSync(gone);
  // The shell stands in it when it goes.
  const shell = (args: string): ReturnType<typeof spawnSync> =>
    spawnSync('sh', ['-c', `rmdir '${gone}' && exec '${process.execPath}' '${program}' ${args}`], {
      cwd: gone,
      encoding: 'utf8',
    });
  const refused = shell('generate');
  expect(refused.stderr).toMatch(
    /error\[SYS120\]: the working directory is not there any more: ENOENT\n {2}try: change/,
  );
  expect(refused.status).toBe(1);
  mkdirSync(gone);
  const moved = shell(`-C '${directory}' clean`);
  expect(moved.stderr).toContain(`'${directory}/build'`);
  expect(moved.status).toBe(0);
});

it('[Paths] -o a directory: where a file is to be made, it is named and left alone', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const directory = scratch();
  mkdirSync(join(directory, 'out/vsock.system/mine'), { recursive: true });
  const run = await vmbuild(['generate', '--output', 'out'], { cwd: directory });
  expectRefusal(run, 1, /error\[STEP110\]: .*vsock\.system/, /try: remove that directory/);
  expect(readdirSync(join(directory, 'out/vsock.system'))).toEqual(['mine']);

  const picture = await vmbuild(['qemu', '--expect', '--save-svg', 'out'], {
    cwd: directory,
    env: bare(directory),
  });
  expectRefusal(picture, 1, /error\[RUN106\]: .*\/out': it is there and is no file/);
});

it('[Paths] input = output: what is read is not written over', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const directory = scratch();
  await generateTwice(directory, 'out');
  const dtb = join(directory, 'out/board.dtb');
  const args = ['generate', '--output', 'out', '--dtb', dtb, '--sdf', basename(dtb)];
  expectRefusal(await vmbuild(args, { cwd: directory }), 2, /ARG128\]: '.*board\.dtb'.*--dtb reads it/);
  // By another name as well.
  symlinkSync('out', join(directory, 'other'));
  const linked = args.map((word) => word.replace(`${directory}/out`, `${directory}/other`));
  expectRefusal(await vmbuild(linked, { cwd: directory }), 2, /ARG128/);
});

it('[Paths] case-insensitive file system: no two files that a build makes differ in case or in how an accent is written', async (ctx) => {
  await needStack(ctx);
  const directory = scratch();
  const run = await vmbuild(['-n', '--build-dir', join(directory, 'build')]);
  expect(run.code).toBe(0);
  const made = run.stdout
    .split('\n')
    .flatMap((line) => /(?:^# write | -o )(\S+)|(\S+)$/.exec(line)?.slice(1) ?? [])
    .filter((name): name is string => name !== undefined && !name.startsWith('/'));
  const names = [...new Set(made)];
  expect(names.length).toBeGreaterThan(60);
  const folded = names.map((name) => name.normalize('NFC').toLowerCase());
  expect(folded.filter((name, at) => folded.indexOf(name) !== at)).toEqual([]);
});

it('a file in the place of the build directory is named', async () => {
  const directory = scratch();
  writeFileSync(join(directory, 'file'), 'mine');
  const run = await vmbuild(['generate', '--output', 'file'], { cwd: directory });
  expectRefusal(run, 1, /error\[STEP111\]: cannot build in '.*file'/);
  expect(readdirSync(directory)).toEqual(['file']);
});
