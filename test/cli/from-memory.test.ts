// SPDX-License-Identifier: BSD-2-Clause
// Command lines that users of make, cargo and west type from memory. Each does what they expect, or says in one line how
// it is done here (exit 2): real runs of the bundle, with the real stack where the line needs one.
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cacheDir, sdkDir } from '../../make/store/cache.ts';
import { stack } from '../../make/stack.ts';
import { needStack, scratch, vmbuild } from '../e2e/program.ts';
import { bare } from '../e2e/refusal.ts';

interface Row {
  /** Words with blanks between; `SDK` stands for the path of the SDK. */
  readonly line: string;
  readonly expects: string;
  readonly code: 0 | 2;
  /** In what is printed on either stream. */
  readonly says: RegExp;
  /** The line needs an SDK, sources and guest images: a machine that has them. */
  readonly needs?: 'stack';
}

const board = 'MICROKIT_BOARD=qemu_virt_aarch64';
const planned = /microkit vsock\.system --search-path/;
const emulated = /qemu-system-aarch64 -machine virt/;

const make: readonly Row[] = [
  // The original's README, word for word with `vmbuild` for `make`; -n so that a test of words takes no boot.
  { line: `-n ${board} MICROKIT_SDK=SDK`, expects: 'the image', code: 0, says: planned, needs: 'stack' },
  {
    line: `-n ${board} MICROKIT_SDK=SDK qemu`,
    expects: 'the image in QEMU',
    code: 0,
    says: emulated,
    needs: 'stack',
  },
  {
    line: `-n -v BUILD_DIR=out ${board} MICROKIT_SDK=SDK MICROKIT_CONFIG=release`,
    expects: 'a release image in out/',
    code: 0,
    says: /--config = release {2}\(word MICROKIT_CONFIG=\)[^]*--build-dir = out {2}\(word BUILD_DIR=\)[^]*--config release/,
    needs: 'stack',
  },
  {
    line: '-n CONFIG=release',
    expects: 'the old name works',
    code: 0,
    says: /ARG110.*CONFIG=release[^]*--config release/,
    needs: 'stack',
  },
  { line: 'all -n', expects: 'the first goal', code: 0, says: planned, needs: 'stack' },
  { line: 'clean', expects: 'outputs gone', code: 0, says: /nothing to remove/ },
  {
    line: `clean ${board} MICROKIT_SDK=/sdk`,
    expects: 'variables do not matter to clean',
    code: 0,
    says: /nothing to remove/,
  },
  { line: 'clobber', expects: 'all gone', code: 0, says: /nothing to remove/ },
  {
    line: 'clean all -n',
    expects: 'both, in order',
    code: 0,
    says: /nothing to remove[^]*microkit vsock\.system/,
    needs: 'stack',
  },
  { line: '-j8 -n -v', expects: 'eight at a time', code: 0, says: /--jobs = 8 {2}\(flag\)/, needs: 'stack' },
  { line: '-j -n all', expects: 'as many as can be', code: 0, says: planned, needs: 'stack' },
  {
    line: '-B -n -v',
    expects: 'everything again',
    code: 0,
    says: /--always-make = true {2}\(flag\)/,
    needs: 'stack',
  },
  { line: '-k -n -v', expects: 'go on after failures', code: 0, says: /--keep-going = true/, needs: 'stack' },
  { line: 'V=1 clean', expects: 'to see more', code: 0, says: /--verbose = 1 {2}\(flag\)/ },
  { line: '-s clean', expects: 'silence', code: 0, says: /^$/ },
  { line: '-C sub clean', expects: 'as if started there', code: 0, says: /\/sub\/build'/ },
  {
    line: '-C none',
    expects: 'to hear that it is not there',
    code: 2,
    says: /-C 'none' cannot be entered: ENOENT/,
  },
  {
    line: '-f Makefile',
    expects: 'another plan',
    code: 2,
    says: /ARG120.* no '-f'\n {2}try: leave it out.*Makefile/,
  },
  {
    line: 'build/loader.img',
    expects: 'one file',
    code: 2,
    says: /no 'build\/loader\.img'\n {2}try: run 'vmbuild'/,
  },
  { line: 'menuconfig', expects: 'to configure', code: 2, says: /try: see 'vmbuild build --help'/ },
  { line: 'install', expects: 'to install', code: 2, says: /try: run 'vmbuild setup'/ },
  {
    line: 'CFLAGS=-O3',
    expects: 'a variable of theirs',
    code: 2,
    says: /ARG103.*'CFLAGS' is no variable.*\n {2}try: use one of/,
  },
];

const cargo: readonly Row[] = [
  {
    line: 'build --release -n',
    expects: 'the release configuration',
    code: 0,
    says: /--config release/,
    needs: 'stack',
  },
  { line: 'run -n', expects: 'it runs', code: 0, says: emulated, needs: 'stack' },
  {
    line: 'run -n -- -d guest_errors',
    expects: 'words for what is run',
    code: 0,
    says: / -d guest_errors$/m,
    needs: 'stack',
  },
  { line: '--profile dev -n', expects: 'debug', code: 0, says: /--config debug/, needs: 'stack' },
  { line: 'clean --target-dir out', expects: 'outputs in out/', code: 0, says: /\/out'/ },
  {
    line: 'build --locked --frozen -n -v',
    expects: 'pinned versions, no network',
    code: 0,
    says: /--offline = true/,
    needs: 'stack',
  },
  { line: 'help', expects: 'the commands', code: 0, says: /Commands:/ },
  { line: 'help qemu', expects: 'help on one', code: 0, says: /--expect/ },
  { line: '-h', expects: 'the commands', code: 0, says: /Commands:/ },
  { line: '--version', expects: 'the version', code: 0, says: /^\d+\.\d+\.\d+\n$/ },
  { line: '-V', expects: 'the version', code: 0, says: /^\d+\.\d+\.\d+\n$/ },
  { line: '--list', expects: 'the commands', code: 2, says: /try: run 'vmbuild --help'/ },
  { line: 'test', expects: 'tests to run', code: 2, says: /try: run 'vmbuild qemu --expect'/ },
  {
    line: 'check',
    expects: 'a check without a build',
    code: 0,
    says: /vsock-system\.ts: .*nothing is wrong$/m,
  },
  {
    line: 'build -p mycrate',
    expects: 'one package',
    code: 2,
    says: /no '-p mycrate'\n {2}try: use .*no packages/,
  },
  {
    line: '--features std',
    expects: 'features',
    code: 2,
    says: /no '--features'\n {2}try: use --config, --vms/,
  },
  {
    line: 'build --target aarch64-unknown-none',
    expects: 'another target',
    code: 2,
    says: /follows from --board/,
  },
  { line: '--message-format=json', expects: 'JSON', code: 2, says: /try: use --json/ },
  { line: '+nightly build', expects: 'another toolchain', code: 2, says: /try: leave it out.*doctor/ },
  { line: 'update', expects: 'newer versions', code: 2, says: /try: run 'vmbuild fetch'/ },
];

const west: readonly Row[] = [
  {
    line: 'build -b qemu_virt_aarch64 -d out -n',
    expects: 'that board, there',
    code: 0,
    says: planned,
    needs: 'stack',
  },
  {
    line: 'build -p always -n -v',
    expects: 'from scratch',
    code: 0,
    says: /--always-make = true/,
    needs: 'stack',
  },
  {
    line: 'build -p auto -n -v',
    expects: 'what is needed',
    code: 0,
    says: /--always-make = false/,
    needs: 'stack',
  },
  { line: 'build -t run -n', expects: 'it runs', code: 0, says: emulated, needs: 'stack' },
  { line: 'build -t menuconfig', expects: 'to configure', code: 2, says: /try: see 'vmbuild build --help'/ },
  {
    line: 'build -- -DCONFIG_VSOCKETS=y',
    expects: 'words for CMake',
    code: 2,
    says: /'-DCONFIG_VSOCKETS=y'\n {2}try: leave it out/,
  },
  {
    line: 'flash',
    expects: 'the image on the board',
    code: 2,
    says: /try: run 'vmbuild --board BOARD', which says how that board starts/,
  },
  { line: 'debug', expects: 'a debugger', code: 2, says: /try: run 'vmbuild qemu -- -s -S'/ },
  { line: 'boards', expects: 'the boards', code: 0, says: /maaxboard[^]*qemu_virt_aarch64/ },
  { line: 'init', expects: 'a workspace', code: 2, says: /try: run 'vmbuild fetch'/ },
  { line: 'list', expects: 'projects', code: 2, says: /try: run 'vmbuild boards'/ },
];

describe.each([
  ['make', make],
  ['cargo', cargo],
  ['west', west],
])('what users of %s type', (_tool, rows) => {
  it.for(rows)('vmbuild $line: they expect $expects', async (row, ctx) => {
    if (row.needs === 'stack') await needStack(ctx);
    await check(row);
  });
});

async function check({ line, code, says, needs }: Row): Promise<void> {
  const directory = scratch();
  mkdirSync(join(directory, 'sub'));
  const sdk = process.env['MICROKIT_SDK'] ?? sdkDir(cacheDir(process.env), stack.microkit);
  const run = await vmbuild(
    line.split(' ').map((word) => word.replace(/=SDK$/, `=${sdk}`)),
    { cwd: directory, env: needs === 'stack' ? {} : bare(scratch()) },
  );
  const printed = run.stderr + run.stdout;
  // Not toMatch: a dry run is long, and a failure would show all of it.
  expect(says.test(printed), `${String(says)} in ${printed.slice(0, 2000)}`).toBe(true);
  expect(run.code, run.stderr).toBe(code);
  if (code === 2) {
    expect(run.stderr).not.toContain('unknown argument');
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(2);
  }
  // A dry run, a check, a refusal and `clean` in an empty directory leave nothing.
  expect(readdirSync(directory)).toEqual(['sub']);
  expect(readdirSync(join(directory, 'sub'))).toEqual([]);
}
