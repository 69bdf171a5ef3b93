// SPDX-License-Identifier: BSD-2-Clause
// Command lines that cannot be meant: exit 2, and a hint at what may have been.
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { scratch, vmbuild } from './program.ts';
import { bare } from './refusal.ts';

it.each([
  [['--bord', 'x'], /unknown argument 'bord'/, /did you mean 'board'\?/],
  [['--board', 'maaxbord'], /there is no board 'maaxbord'/, /did you mean 'maaxboard'\?/],
  [['--board'], /board/, /--help/],
  [['bild'], /bild/, /did you mean 'build'\?/],
  [['generate', '--guest', 'x'], /unknown argument 'guest'/, /--help/],
  [['doctor', '--board', 'nope'], /there is no board 'nope'/, /qemu_virt_aarch64/],
  [['--jobs', '0'], /--jobs 0 is not a whole number/, /leave it out/],
  [['--jobs', 'many'], /--jobs/, /cores/],
  [['--build-dir', ''], /--build-dir is empty/, /value/],
  [['MICROKIT_BORD=x'], /'MICROKIT_BORD' is no variable/, /did you mean 'MICROKIT_BOARD'\?/],
  [['--guest', 'ubuntu'], /'--guest ubuntu' is no source/, /debian/],
  [['qemu', '--expect', '('], /is no regular expression/, /\(/],
  [['qemu', '--expect', '--timeout', '0'], /--timeout 0/, /try/],
  [['--vms', '1'], /--vms 1 is not a whole number from 2 to 16/, /use --vms 2/],
  [['generate', '--vms', '17'], /--vms 17 is not a whole number/, /use --vms 2/],
  [['doctor', '--vms', '3'], /unknown argument 'vms'/, /--help/],
  [['sim', '--interactive', 'client_linux7'], /error\[ARG112\]: no guest is called/, /client_linux0/],
  [['sim', '--interactive', '1', '--expect'], /error\[ARG111\]/, /leave one of them out/],
  [['sim', '--interactive', '1', '--save-svg', 'x.svg'], /error\[ARG107\]/, /leave --interactive out/],
  [
    ['qemu', '--board', 'maaxboard'],
    /RUN102.*QEMU does not have 'maaxboard', whose own boot loader starts an image by '.*go 0x50000000'/,
    /run 'vmbuild build --board maaxboard'/,
  ],
  [['sim', '--board', 'maaxboard'], /unknown argument 'board'/, /--help/],
  [['qemu', '--vms', '7', '--expect'], /RUN104.*each of 7 guests.* 6 apart/, /use --vms 6/],
  [['qemu', '--save-svg', 'log.svg'], /error\[ARG107\]: --save-svg 'log\.svg'/, /try: add --expect/],
  [['qemu', '--expect', '--save-svg'], /save-svg/, /--help/],
])('usage %j exits with 2 and a hint', async (args, what, hint) => {
  const directory = scratch();
  const run = await vmbuild(args, { cwd: directory, env: bare(directory) });
  expect(run.stderr).toMatch(what);
  expect(run.stderr).toMatch(hint);
  expect(run.stderr).not.toMatch(/^ +at .*:\d+:\d+\)?$/m);
  expect(run.code).toBe(2);
  expect(readdirSync(directory)).toEqual([]);
});
