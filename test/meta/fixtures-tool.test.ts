// SPDX-License-Identifier: BSD-2-Clause
// What the real Microkit tool makes of each fixture that its qemu_virt_aarch64 can judge, with a real program behind it:
// the same words as ours, panic or silence. docs/errors.md says for each code which of these it is.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it, type TestContext } from 'vitest';
import { findSdk, type Sdk } from '../../make/store/sdk.ts';
import { openBoard, type SdkBoard } from '../../make/store/sdk-board.ts';
import { findTools } from '../../make/tools/find.ts';
import { type Diagnostic, Refusal } from '../../meta/diagnostic.ts';
import { needTools } from '../e2e/program.ts';
import { requireOrSkip } from '../require.ts';
import { checkFixture, codesWithFixture, fixtureRoot, readFixture } from './fixtures.ts';
import { paragraphs } from './paragraphs.ts';
import { splitMessage } from './sdf-cases.ts';

type Verdict = 'same words' | 'other words' | 'panics' | 'accepts';

/** Where the tool does not refuse in our words. */
const exceptions: Readonly<Record<Exclude<Verdict, 'same words'>, readonly string[]>> = {
  'other words': [
    'SDF213', // at the end of a build
    'SDF510', // '' is the folder in which it looks
    'SDF700', // its XML parser's own
  ],
  panics: ['SDF207', 'SDF321', 'SDF602', 'SDF704', 'SDF709'],
  accepts: [
    'SDF202',
    'SDF206',
    'SDF211', // warns
    'SDF212',
    'SDF214',
    'SDF306',
    'SDF307',
    'SDF402',
    'SDF414',
    'SDF505',
    'SDF514',
    'SDF516',
    'SDF519',
    'SDF520',
    'SDF521',
    'SDF522',
    'SDF610',
    'SDF611',
    'SDF613',
    'SDF614',
    'SDF710',
    'SDF711',
    'SDF712',
    'SDF719',
  ],
};

/** How a paragraph of docs/errors.md says so. */
const claims: Readonly<Record<Verdict, RegExp>> = {
  'same words': /\btool (?:refuses|says)|Microkit (?:allows|refuses)|and refuses/,
  'other words': /\btool (?:says|then)/,
  panics: /\btool panics\b/,
  accepts: /\b(?:tool|it) (?:is silent|accepts|warns|ignores|says nothing)|and is silent|and ignore/,
};

it('the real tool refuses in the same words, panics or is silent, as docs/errors.md says', async (ctx) => {
  const board = await needBoard(ctx);
  if (board === undefined) return;
  const folder = mkdtempSync(join(tmpdir(), 'vmbuild-fixtures-'));
  try {
    await compileProgram(board, folder);
    const codes = codesWithFixture.filter(isForThisBoard);
    const verdicts = new Map<string, Verdict>();
    for (const code of codes) verdicts.set(code, await verdictOf(code, board.sdk, folder));
    expect(Object.fromEntries(verdicts)).toEqual(
      Object.fromEntries(codes.map((code) => [code, expectedOf(code)])),
    );
    const wrong = paragraphs()
      .filter(({ code, text }) => verdicts.has(code) && !claims[expectedOf(code)].test(text))
      .map(({ code }) => `${code} does not say that the tool ${expectedOf(code)}`);
    expect(wrong).toEqual([]);
    const count = (verdict: Verdict): number =>
      [...verdicts.values()].filter((one) => one === verdict).length;
    process.stdout.write(
      `fixtures against the real tool: ${count('same words')} refused in the same words, ${count('other words')} in others, ${count('panics')} panics, ${count('accepts')} accepted, of ${codes.length}\n`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 600_000);

const boardName = 'qemu_virt_aarch64';

async function needBoard(ctx: TestContext): Promise<SdkBoard | undefined> {
  await needTools(ctx, 'clang', ['clang', 'lld']);
  try {
    return openBoard(findSdk({ env: process.env }), boardName, 'debug');
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    requireOrSkip(ctx, 'sdk', false, error.message);
    return undefined;
  }
}

/** The kernel is what it is: other architectures, versions and kernels are not asked. */
const isForThisBoard = (code: string): boolean =>
  Object.keys(readFixture(code).flags).every((flag) => flag === 'board' || flag === 'sdk');

const expectedOf = (code: string): Verdict =>
  (['other words', 'panics', 'accepts'] as const).find((verdict) => exceptions[verdict].includes(code)) ??
  'same words';

async function compileProgram(
  { includeDir, libmicrokit, linkerScript }: SdkBoard,
  folder: string,
): Promise<void> {
  const { clang, lld } = await findTools(['clang', 'lld'], process.env);
  const source = join(import.meta.dirname, 'fixture_program.c');
  const object = join(folder, 'x.o');
  const flags = [
    '--target=aarch64-none-elf',
    '-mcpu=cortex-a53',
    '-ffreestanding',
    '-nostdlib',
    `-I${includeDir}`,
  ];
  await execa(clang.path, [...flags, '-c', source, '-o', object]);
  await execa(lld.path, [object, libmicrokit, '-T', linkerScript, '-o', join(folder, 'x.elf')]);
}

async function verdictOf(code: string, sdk: Sdk, folder: string): Promise<Verdict> {
  const options = ['--board', boardName, '--config', 'debug', '--search-path', fixtureRoot, folder];
  const outputs = ['-o', join(folder, 'loader.img'), '-r', join(folder, 'report.txt')];
  const { exitCode, stderr } = await execa(sdk.tool, [`${code}.system`, ...options, ...outputs], {
    cwd: fixtureRoot,
    env: { MICROKIT_SDK: sdk.path },
    reject: false,
    timeout: 60_000,
  });
  if (exitCode === 101) return 'panics';
  if (exitCode === 0) return 'accepts';
  const { findings } = await checkFixture(code);
  return isSaid(stderr, findings) ? 'same words' : 'other words';
}

function isSaid(stderr: string, findings: readonly Diagnostic[]): boolean {
  const { words } = splitMessage(stderr.trim());
  return findings.some(({ message }) => message.startsWith(words));
}
