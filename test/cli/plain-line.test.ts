// SPDX-License-Identifier: BSD-2-Clause
// Lines that are read without yargs mean what yargs makes of them; and what the quick commands load stays small.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { packageDirectory } from '../../boards/index.ts';
import { type OptionName, type OptionSpec, optionTable } from '../../cli/options.ts';
import { readPlainLine } from '../../cli/plain-line.ts';
import type { CommandSpec } from '../../cli/vmbuild.ts';
import { makeParser } from '../../cli/yargs-line.ts';
import { Refusal } from '../../meta/diagnostic.ts';

const load: CommandSpec['load'] = () => Promise.reject(new Error('not to be run'));
const commands: Readonly<Record<string, CommandSpec>> = {
  build: { describe: 'builds', options: ['board', 'vms', 'dry-run', 'json', 'quiet', 'verbose'], load },
  generate: { describe: 'writes', options: ['board', 'output', 'data', 'always-make', 'verbose'], load },
  check: { describe: 'judges', options: ['file', 'arch', 'json', 'timeout'], takesFile: true, load },
  sim: { describe: 'runs', options: ['expect', 'jobs', 'keep-going', 'interactive', 'append'], load },
};
const flags = Object.entries(optionTable).flatMap(([name, spec]: [string, OptionSpec]) =>
  spec.alias === undefined ? [`--${name}`] : [`--${name}`, `-${spec.alias}`],
);
const value = fc.oneof(
  fc.constantFrom(
    'true',
    'false',
    '0',
    '7',
    '07',
    '1e3',
    '-1',
    '.5',
    'a=b',
    'a.b',
    "'a'",
    '"',
    'a b',
    '',
    '-',
    '--',
    'x-y',
    'ß',
  ),
  fc.string({ maxLength: 4 }),
);
const word = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...flags) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom(...flags), value).map(([flag, text]) => `${flag}=${text}`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...Object.keys(commands), '--help', '--version', '-qv', '-j4', '--nonsense'),
  },
  { weight: 4, arbitrary: value },
);

it('is what yargs says, wherever it says anything', async () => {
  let plainLines = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom([], ['build'], ['generate'], ['check'], ['sim']),
      fc.array(word, { maxLength: 5 }),
      async (command, words) => {
        const line = [...command, ...words];
        const plain = readPlainLine(line, commands);
        if (plain === undefined) return;
        plainLines += 1;
        const full = await yargsReads(line);
        expect(full?.command, JSON.stringify(line)).toBe(plain.command);
        expect(full?.flags, JSON.stringify(line)).toEqual(plain.flags);
      },
    ),
    { numRuns: 1500 },
  );
  expect(plainLines).toBeGreaterThan(150);
});

it.each([
  ['generate', '-b', 'maaxboard', '--output', 'a b/c', '--data', '-v'],
  ['check', '--file', 'x.system', '--json'],
  ['--board=maaxboard', '--vms', '3', '-n'],
])('reads %s %s %s …', (...line) => {
  expect(readPlainLine(line, commands)).toBeDefined();
});

it.each([
  ['generate', '--help'],
  ['generate', 'generate'],
  ['generate', '-b'],
  ['generate', '-b', 'x', '-b', 'y'],
  ['generate', '--data', 'false'],
  ['build', '-qv'],
  ['build', '--vms', 'two'],
  ['sim', '--expect'],
  ['sim', '--append', '"x"'],
  ['check', '--board', 'x'],
  ['--version'],
])('leaves %s %s %s to yargs', (...line) => {
  expect(readPlainLine(line, commands)).toBeUndefined();
});

it('no library is loaded before it is needed', () => {
  const files = new Set(['dist/run.js']);
  for (const file of files) {
    const text = readFileSync(join(packageDirectory(), file), 'utf8');
    const imports = text.matchAll(/(?:from|import)"(\.[^"]+)"/g);
    for (const [, name = ''] of imports) files.add(join(dirname(file), name));
    const { sources } = JSON.parse(readFileSync(join(packageDirectory(), `${file}.map`), 'utf8')) as {
      sources: readonly string[];
    };
    expect(sources.filter((source) => source.includes('node_modules'))).toEqual([]);
  }
  expect(files.size).toBeGreaterThan(5);
});

type Reading = ReturnType<typeof readPlainLine<CommandSpec>>;

async function yargsReads(line: readonly string[]): Promise<Reading> {
  let chosen: Reading;
  try {
    await makeParser(line, commands, (choice) => {
      const own = new Set<string>(choice.command.options);
      const { command } = choice;
      chosen = {
        command,
        flags: Object.fromEntries(
          Object.entries(choice.flags).filter(([name]) => own.has(name as OptionName)),
        ),
      };
    }).parseAsync();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  return chosen;
}
