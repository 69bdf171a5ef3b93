// SPDX-License-Identifier: BSD-2-Clause
// What `vmbuild check` refuses before it reads a description: files that are none, and flags that say nothing.

import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadCheckTarget } from '../../cli/check-target.ts';
import { type OptionName, settle } from '../../cli/options.ts';
import { loadSubject } from '../../cli/subject.ts';
import type { CommandContext } from '../../cli/vmbuild.ts';
import { targetOf } from '../../meta/check/target.ts';
import { exitCode, Refusal } from '../../meta/diagnostic.ts';
import { scratchDir } from '../make/scratch.ts';

it('SDF717 a description that is no file, in one line each', async () => {
  const directory = scratchDir();
  mkdirSync(join(directory, 'folder'));
  execFileSync('mkfifo', [join(directory, 'pipe')]);
  symlinkSync('loop', join(directory, 'loop'));
  const said: string[] = [];
  for (const name of ['none', 'folder', 'pipe', 'loop']) said.push(await refusalOf(join(directory, name)));
  said.push(await refusalOf('/dev/zero'));
  expect(said.map((text) => text.replace(/'.*\//, "'"))).toEqual([
    "SDF717 the description 'none' does not exist",
    "SDF717 the description 'folder' is a directory",
    "SDF717 the description 'pipe' is not a regular file",
    "SDF717 the description 'loop' is a symbolic link that leads back to itself",
    "SDF717 the description 'zero' is not a regular file",
  ]);
});

it('SDF718 UTF-16, with either byte first, and what is no text', async () => {
  const directory = scratchDir();
  const text = '<system/>';
  const little = Buffer.from(`\ufeff${text}`, 'utf16le');
  const contents = {
    little,
    big: Buffer.from(little).swap16(),
    latin1: Buffer.from('<system/>\xfc', 'latin1'),
  };
  for (const [name, content] of Object.entries(contents)) {
    writeFileSync(join(directory, name), content);
    const said = await refusalOf(join(directory, name));
    expect(said.replace(/'.*\//, "'")).toBe(
      `SDF718 the description '${name}' is ${name === 'latin1' ? 'no UTF-8' : 'UTF-16'}`,
    );
  }
  // A byte order mark of UTF-8 does no harm.
  writeFileSync(join(directory, 'utf8'), `\ufeff${text}`);
  const { findings } = await loadSubject(contextOf({ file: join(directory, 'utf8') }), targetOf('aarch64'));
  expect(findings.map(({ code }) => code)).toEqual(['SDF501']);
});

it.each([
  ['ARG130', { microkit: 'newest' }, "--microkit 'newest' is no version"],
  ['ARG131', { arch: 'arm64' }, "there is no architecture 'arm64'"],
  [
    'ARG132',
    { arch: 'riscv64', board: 'maaxboard' },
    "board 'maaxboard' is aarch64, and --arch says riscv64",
  ],
  ['ARG133', { kernel: 'cores=4,smp' }, "--kernel has no 'smp'"],
  ['ARG133', { kernel: 'cores=0' }, "--kernel has no 'cores=0'"],
  ['ARG133', { kernel: 'no-cores=1' }, "--kernel has no 'no-cores=1'"],
] as const)('%s %j', async (code, flags, message) => {
  await expect(loadCheckTarget(contextOf(flags))).rejects.toMatchObject({
    diagnostics: [{ code, message }],
    exit: exitCode.usage,
  });
});

const names: readonly OptionName[] = [
  'file',
  'arch',
  'board',
  'config',
  'sdk',
  'microkit',
  'kernel',
  'search-path',
];

const contextOf = (flags: Readonly<Record<string, unknown>>): CommandContext => ({
  settings: settle(flags, {}, names),
  env: {},
  signal: new AbortController().signal,
});

async function refusalOf(file: string): Promise<string> {
  try {
    await loadSubject(contextOf({ file }), targetOf('aarch64'));
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
  return '';
}
