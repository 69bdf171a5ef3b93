// SPDX-License-Identifier: BSD-2-Clause
// Runs the C tests of the vhost-user back end under ASan and UBSan, its traffic under ThreadSanitizer as well, holds it
// to its compilers, and gives the program command lines.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backendSources } from '../../../make/sources.ts';
import { requireOrSkip } from '../../require.ts';
import { cFiles, compileObjects, coreDir, findClangs, noClang, sanitizers, testNames } from '../compile.ts';
import {
  backEndDir,
  backEndTestDir,
  canRun,
  compileHost,
  type HostPrograms,
  hostFlags,
  linkHost,
  runHostTests,
} from './build.ts';

const debug = ['-g', '-O1'];
const timeoutMs = 200_000;
const clangs = await findClangs();
const names = testNames(backEndTestDir);
let dir = '';
let programs: HostPrograms | undefined;
let output: string | undefined;
let reason = noClang;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmbuild-host-'));
  const clang = clangs[0];
  if (clang === undefined) return;
  if (!(await canRun(clang, sanitizers, dir))) {
    reason = `${basename(clang)} has no sanitizer runtime; try: apt-get install libclang-rt-14-dev`;
    return;
  }
  const flags = [...debug, ...sanitizers];
  programs = await linkHost(clang, dir, flags, await compileHost(clang, join(dir, 'asan'), flags));
  output = (await runHostTests(programs, '', timeoutMs)).output;
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('the back end', () => {
  for (const name of names) {
    it(name, (ctx) => {
      requireOrSkip(ctx, 'clang', output !== undefined, reason);
      const lines = (output ?? '').split('\n');
      const at = lines.findIndex((line) => line.startsWith(`FAILED ${name}:`));
      const context =
        at >= 0 ? lines.slice(Math.max(0, at - 20), at + 1) : ['it did not finish:', ...lines.slice(-40)];
      expect(lines.includes(`ok ${name}`), context.join('\n')).toBe(true);
    });
  }

  it('runs all of its tests and no other', (ctx) => {
    requireOrSkip(ctx, 'clang', output !== undefined, reason);
    expect(new Set(names).size).toBe(names.length);
    expect(output).toContain(`${names.length} passed, 0 failed`);
  });

  it('is built for sim from the same files', () => {
    const tested = [...cFiles(coreDir), ...cFiles(backEndDir)].map((path) =>
      relative(join(backEndDir, '..'), path),
    );
    expect(backendSources.toSorted()).toEqual(tested.toSorted());
  });

  it('compiles without a warning', async (ctx) => {
    requireOrSkip(ctx, 'clang', clangs.length > 0, noClang);
    for (const clang of clangs) {
      await compileObjects(clang, cFiles(backEndDir), dir, [...hostFlags, '-O2', '-Wconversion']);
    }
  });

  it('has no data race that ThreadSanitizer can see', async (ctx) => {
    const [clang] = clangs;
    requireOrSkip(ctx, 'clang', clang !== undefined, noClang);
    const flags = [...debug, '-fsanitize=thread'];
    const usable = await canRun(clang ?? '', flags, dir);
    requireOrSkip(
      ctx,
      'clang',
      usable,
      `${basename(clang ?? '')} has no ThreadSanitizer runtime that runs here`,
    );
    const out = join(dir, 'tsan');
    const built = await linkHost(clang ?? '', out, flags, await compileHost(clang ?? '', out, flags));
    const run = await runHostTests(built, 'traffic_', timeoutMs);
    expect(run.output).not.toContain('WARNING: ThreadSanitizer');
    expect(run.output).toContain(', 0 failed');
    expect(run.exitCode).toBe(0);
  });
});

/** Runs the program in an empty folder until it ends, or until it says `ready` and is ended. */
async function start(words: readonly string[], files: Readonly<Record<string, string>> = {}) {
  const cwd = await mkdtemp(join(dir, 'run-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text);
  const run = execa(programs?.backEnd ?? '', words, { cwd, reject: false, timeout: 20_000 });
  let isReady = false;
  run.stdout.on('data', (text: Buffer) => {
    if (!text.toString().startsWith('ready\n')) return;
    isReady = true;
    run.kill('SIGTERM');
  });
  const { exitCode, stdout, stderr } = await run;
  return { exitCode, stdout, stderr, isReady, cwd, left: (await readdir(cwd)).toSorted() };
}

const guests = (num: number): string[] =>
  Array.from({ length: num }, (_, index) => ['--guest', `${3 + index}=${index}`]).flat();
const usage = 'usage: vsock-backend [--ring-bytes N] [--pcap FILE] --guest CID=SOCKET --guest CID=SOCKET ...';

describe('its command line', () => {
  const wrong: readonly (readonly [what: string, words: readonly string[], says: string])[] = [
    ['no word', [], "no guest is named by '--guest'"],
    ['no guest', ['--ring-bytes', '0x2000'], "no guest is named by '--guest'"],
    ['an unknown option', ['--frob', 'x'], "unknown option '--frob'"],
    ['an option without its value', ['--guest'], "unknown, or without its value: '--guest'"],
    ['a guest without a socket', ['--guest', '3'], "a guest is CID=SOCKET, not '3'"],
    ['a socket without a name', ['--guest', '3='], "a guest is CID=SOCKET, not '3='"],
    ['a socket without a CID', ['--guest', '=s'], "a guest is CID=SOCKET, not '=s'"],
    ['a CID that is no number', ['--guest', 'x=s'], "a guest is CID=SOCKET, not 'x=s'"],
    ['a CID of 65 bits', ['--guest', '18446744073709551619=s'], "not '18446744073709551619=s'"],
    ['a CID of 33 bits', ['--guest', '4294967299=s'], "from 3 to 4294967294, not '4294967299=s'"],
    ['a CID below 0', ['--guest', '-5=s'], "from 3 to 4294967294, not '-5=s'"],
    ["the host's CID", ['--guest', '2=s'], "from 3 to 4294967294, not '2=s'"],
    ["everybody's CID", ['--guest', '4294967295=s'], "from 3 to 4294967294, not '4294967295=s'"],
    ['a CID twice', ['--guest', '3=a', '--guest', '0x3=b'], "another guest has this CID already: '0x3=b'"],
    ['17 guests', guests(17), "one guest too many: '19=16'"],
    ['no ring', [...guests(2), '--ring-bytes', '0'], "from 0x2000 bytes on, not '0'"],
    ['a ring of three pages', [...guests(2), '--ring-bytes', '0x4000'], "not '0x4000'"],
    ['a ring of 2 GiB', [...guests(2), '--ring-bytes', '0x80001000'], "not '0x80001000'"],
    ['a ring of words', [...guests(2), '--ring-bytes', '8k'], "not '8k'"],
  ];
  for (const [what, words, says] of wrong) {
    it(`is refused with ${what}`, async (ctx) => {
      requireOrSkip(ctx, 'clang', programs !== undefined, reason);
      const run = await start(['--pcap', 'old.pcap', ...words], { 'old.pcap': 'kept' });
      expect(run.stderr.split('\n')[0]).toContain(says);
      expect(run.stderr.split('\n').slice(1)).toEqual([usage]);
      expect([run.exitCode, run.stdout, run.left]).toEqual([2, '', ['old.pcap']]);
      expect(await readFile(join(run.cwd, 'old.pcap'), 'utf8')).toBe('kept');
    });
  }

  const impossible: readonly (readonly [what: string, words: readonly string[], says: string])[] = [
    [
      'a folder that is not there',
      ['--guest', '3=no/s'],
      "cannot listen on 'no/s': No such file or directory",
    ],
    ['a path of 108', ['--guest', '3=a', '--guest', `4=${'s'.repeat(108)}`], 'File name too long'],
    ['a socket twice', ['--guest', '3=s', '--guest', '4=s'], "cannot listen on 's': Address already in use"],
    [
      'a file in the way',
      ['--guest', '3=s', '--guest', '4=old'],
      "cannot listen on 'old': Address already in use",
    ],
    [
      'a full disk',
      [...guests(2), '--pcap', '/dev/full'],
      "the capture '/dev/full': No space left on device",
    ],
    ['a folder as capture', [...guests(2), '--pcap', '.'], "cannot write the capture '.': Is a directory"],
  ];
  for (const [what, words, says] of impossible) {
    it(`cannot start with ${what}, and leaves nothing`, async (ctx) => {
      requireOrSkip(ctx, 'clang', programs !== undefined, reason);
      const run = await start(words, { old: 'kept' });
      expect(run.stderr).toContain(says);
      expect(run.stderr.split('\n').length).toBe(1);
      expect([run.exitCode, run.stdout, run.left]).toEqual([1, '', ['old']]);
    });
  }

  const good: readonly (readonly [what: string, words: readonly string[]])[] = [
    ['one guest', guests(1)],
    ['16 guests', guests(16)],
    ['the smallest ring', [...guests(2), '--ring-bytes', '0x2000']],
    ['a path of 107', ['--guest', `3=${'s'.repeat(107)}`]],
  ];
  for (const [what, words] of good) {
    it(`may have ${what}`, async (ctx) => {
      requireOrSkip(ctx, 'clang', programs !== undefined, reason);
      const run = await start(words);
      expect(run.stderr).toBe('');
      expect([run.exitCode, run.stdout, run.isReady, run.left]).toEqual([0, 'ready', true, []]);
    });
  }
});
