// SPDX-License-Identifier: BSD-2-Clause
// Command lines that cannot be meant: exit 2, and a hint at what may have been.
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { scratch, vmbuild } from './program.ts';
import { bare, expectRefusal } from './refusal.ts';

const usage = 'usage';
it.each([
  [
    '[Command line] unknown flag: the nearest name',
    ['--bord', 'x'],
    /unknown argument 'bord'/,
    /did you mean 'board'\?/,
  ],
  [
    '[Command line] missing value: which flag, and how it is written',
    ['--board'],
    /--board needs a value/,
    /write --board=VALUE/,
  ],
  ['[Command line] missing value: of a letter', ['-b', '-v'], /-b needs a value/, /write -b VALUE/],
  [
    '[Command line] repeated flag: with different values is a contradiction',
    ['--board', 'a', '-b', 'b'],
    /ARG121\]: --board is given 2 times, as 'a', 'b'/,
    /leave all but one/,
  ],
  ['[Command line] empty string: which flag', ['--build-dir', ''], /--build-dir is empty/, /value/],
  ['[Command line] empty string: as a word', [''], /unknown argument '""'/, /--help/],
  [
    '[Command line] a path that starts with -: is taken behind =',
    ['--linux', '-image'],
    /--linux needs a value/,
    /--linux=VALUE, also for a VALUE that begins with '-'/,
  ],
  [
    '[Command line] unknown board or configuration: the nearest board',
    ['--board', 'maaxbord'],
    /there is no board 'maaxbord'/,
    /did you mean 'maaxboard'\?/,
  ],
  [
    '[Command line] --: nothing is hidden behind it',
    ['--', 'qemu'],
    /ARG124\]: .*'qemu'/,
    /vmbuild qemu -- …/,
  ],

  [usage, ['bild'], /bild/, /did you mean 'build'\?/],
  [usage, ['generate', '--guest', 'x'], /unknown argument 'guest'/, /--help/],
  [usage, ['doctor', '--board', 'nope'], /there is no board 'nope'/, /qemu_virt_aarch64/],
  [usage, ['--jobs', '0'], /--jobs 0 is not a whole number/, /leave it out/],
  [usage, ['--jobs', 'many'], /--jobs/, /cores/],
  [usage, ['MICROKIT_BORD=x'], /'MICROKIT_BORD' is no variable/, /did you mean 'MICROKIT_BOARD'\?/],
  [usage, ['--guest', 'ubuntu'], /'--guest ubuntu' is no source/, /debian/],
  [usage, ['qemu', '--expect', '('], /is no regular expression/, /\(/],
  [usage, ['qemu', '--expect', '--timeout', '0'], /--timeout 0/, /try/],
  [usage, ['--vms', '1'], /--vms 1 is not a whole number from 2 to 16/, /use --vms 2/],
  [usage, ['generate', '--vms', '17'], /--vms 17 is not a whole number/, /use --vms 2/],
  [usage, ['doctor', '--vms', '3'], /unknown argument 'vms'/, /--help/],
  [usage, ['sim', '--interactive', 'client_linux7'], /error\[ARG112\]: no guest is called/, /client_linux0/],
  [usage, ['sim', '--interactive', '1', '--expect'], /error\[ARG111\]/, /leave one of them out/],
  [usage, ['sim', '--interactive', '1', '--save-svg', 'x.svg'], /error\[ARG107\]/, /leave --interactive out/],
  [
    usage,
    ['qemu', '--board', 'maaxboard'],
    /RUN102.*QEMU does not have 'maaxboard', whose own boot loader starts an image by '.*go 0x50000000'/,
    /run 'vmbuild build --board maaxboard'/,
  ],
  [usage, ['sim', '--board', 'maaxboard'], /unknown argument 'board'/, /--help/],
  [usage, ['qemu', '--vms', '7', '--expect'], /RUN104.*each of 7 guests.* 6 apart/, /use --vms 6/],
  [usage, ['qemu', '--save-svg', 'log.svg'], /error\[ARG107\]: --save-svg 'log\.svg'/, /try: add --expect/],
  [usage, ['qemu', '--expect', '--save-svg'], /save-svg/, /--help/],
  // Of `-C`, `-t` and others of make, cargo and west: test/cli/from-memory.test.ts.
  [usage, ['-C'], /ARG122\]: -C needs a value/, /write -C VALUE/],
  [usage, ['--offline=maybe'], /ARG123\]: --offline takes no value/, /write --offline alone/],
  [usage, ['qemu', 'sim'], /ARG125\]: 'qemu' and 'sim' are two commands/, /one after the other/],
  [usage, ['-C', 'none'], /ARG126\]: -C 'none' cannot be entered: ENOENT/, /name a directory/],
  [usage, ['completion', 'fish'], /ARG127\]: .*'fish'/, /bash, zsh/],
  [
    usage,
    ['qemu', '--expect', '--dtb', 'a', '--save-svg', './a'],
    /ARG128\]: '\.\/a' .*--dtb reads it/,
    /another file/,
  ],
])('%s %j exits with 2 and a hint', async (_, args, what, hint) => {
  const directory = scratch();
  const run = await vmbuild(args, { cwd: directory, env: bare(directory) });
  expect(run.stderr).toMatch(what);
  expect(run.stderr).toMatch(hint);
  expect(run.stderr).not.toMatch(/^ +at .*:\d+:\d+\)?$/m);
  expect(run.code).toBe(2);
  expect(readdirSync(directory)).toEqual([]);
});

it('[Command line] no arguments: is a build, which says what was defaulted', async () => {
  const directory = scratch();
  const run = await vmbuild(['--offline'], { cwd: directory, env: bare(directory) });
  const none = await vmbuild([], { cwd: directory, env: { ...bare(directory), PATH: '/nowhere' } });
  for (const { stderr } of [run, none])
    expect(stderr).toMatch(/^by default: --board qemu_virt_aarch64 --config debug$/m);
  expectRefusal(none, 69, /SDK101/);
});

it('[Command line] --: alone changes nothing', async () => {
  const directory = scratch();
  const run = await vmbuild(['clean', '--'], { cwd: directory });
  expect(run.stderr).toMatch(/^nothing to remove/);
  expect(run.code).toBe(0);
});

it('[Command line] repeated flag: with one value, or of a switch, it does no harm', async () => {
  const args = ['clean', '-d', 'a', '--build-dir', 'a', '-v', '-v', '-n', '-n'];
  expect(await vmbuild(args, { cwd: scratch() })).toMatchObject({ code: 0 });
});

it('[Command line] a path that starts with -: names a file or directory like any other', async () => {
  const directory = scratch();
  const run = await vmbuild(['clean', '--build-dir=-out'], { cwd: directory });
  expect(run.stderr).toContain(`'${directory}/-out'`);
  expect(run.code).toBe(0);
});

it('[Command line] 10,000 arguments: are refused in two lines, with a number', async () => {
  const run = await vmbuild(
    Array.from({ length: 10_000 }, (_, i) => `word${i}`),
    { cwd: scratch() },
  );
  expectRefusal(run, 2, /ARG102\]: unknown arguments 'word0' and 9999 more/);
  expect(run.stderr.trimEnd().split('\n')).toHaveLength(2);
});
