// SPDX-License-Identifier: BSD-2-Clause
// Reads a command line in its plain form: a command, and flags of that command, each once and with its value if it takes
// one. Most lines are, and yargs takes longer to load than `generate` to do its work. Whatever is not plain (help, a typo,
// quotes, grouped letters, a flag that is repeated) is yargs's; test/cli/plain-line.test.ts holds the two together.
import { type OptionName, type OptionSpec, optionTable } from './options.ts';
import { isValued } from './words.ts';

/** What a command says of its line. */
interface LineSpec {
  readonly options: readonly OptionName[];
}

/** The command and its flags as yargs has them; undefined if the line is for yargs. */
export function readPlainLine<Command extends LineSpec>(
  words: readonly string[],
  commands: Readonly<Record<string, Command>>,
): { readonly command: Command; readonly flags: Readonly<Record<string, unknown>> } | undefined {
  const [first = ''] = words;
  const isNamed = Object.hasOwn(commands, first);
  const command = commands[isNamed ? first : 'build'];
  if (command === undefined) return undefined;
  const flags: Record<string, unknown> = {};
  for (let at = isNamed ? 1 : 0; at < words.length; ) {
    const read = readFlag(words[at] ?? '', words[at + 1], command);
    if (read === undefined || Object.hasOwn(flags, read.name)) return undefined;
    flags[read.name] = read.value;
    at += read.used;
  }
  // yargs counts what is not there.
  for (const name of command.options) if (specOf(name).type === 'count') flags[name] ??= 0;
  return { command, flags };
}

function readFlag(
  word: string,
  next: string | undefined,
  { options }: LineSpec,
): { readonly name: OptionName; readonly value: unknown; readonly used: 1 | 2 } | undefined {
  const [, long, short, , inWord] = /^(?:--([a-z][a-z-]+)|-([A-Za-z]))(=(.*))?$/s.exec(word) ?? [];
  const name = options.find((option) => option === long || specOf(option).alias === (short ?? ''));
  if (name === undefined) return undefined;
  const spec = specOf(name);
  if (!isValued(spec)) {
    // yargs takes a `true` or `false` that follows for the value of a switch.
    if (inWord !== undefined || next === 'true' || next === 'false') return undefined;
    return { name, value: spec.type === 'count' ? 1 : true, used: 1 };
  }
  const value = inWord ?? next;
  if (spec.bare === true || value === undefined || !plainValue(spec).test(value)) return undefined;
  const used = inWord === undefined ? 2 : 1;
  return { name, value: spec.type === 'number' ? Number(value) : value, used };
}

/** Without what yargs reads anything into: quotes, a dash in front. */
const plainValue = ({ type }: OptionSpec): RegExp =>
  type === 'number' ? /^[0-9]{1,9}$/ : /^[^-"'\s][^"']*$/;

const specOf = (name: OptionName): OptionSpec => optionTable[name];
