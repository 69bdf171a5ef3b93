// SPDX-License-Identifier: BSD-2-Clause
// The command line as users of make, cargo and west have it in their fingers, turned into vmbuild's own words: `all qemu`,
// `-C dir`, `--release`, `-p always`. What has no counterpart is refused with how it is done here (cli/foreign-words.ts).
import { exitCode, refuse } from '../meta/diagnostic.ts';
import {
  type ForeignWord,
  foreignCommands,
  foreignFlags,
  foreignHints,
  foreignVariables,
  pristineValues,
} from './foreign-words.ts';
import { takeMakeWords } from './make-words.ts';
import { isValued, mapWords, specOf, takesNextWord } from './words.ts';

export interface CommandLine {
  /** With one command at most. */
  readonly words: readonly string[];
  /** Commands that are to run before it: `clean` of `clean qemu`. */
  readonly before: readonly string[];
  /** What stands behind `--`. */
  readonly rest: readonly string[];
  /** The directories of `-C`, to be entered one after the other. */
  readonly directories: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Variables of `env` that the command line has set. */
  readonly given: ReadonlySet<string>;
}

/** Reads `argv`. `commands` are vmbuild's own, `commandsOfFiles` those that take a file. */
export function readCommandLine(
  argv: readonly string[],
  processEnv: NodeJS.ProcessEnv,
  commands: readonly string[],
  commandsOfFiles: readonly string[] = [],
): CommandLine {
  const end = argv.indexOf('--');
  const head = end < 0 ? argv : argv.slice(0, end);
  const directories: string[] = [];
  let wantsFile = false;
  const translated = mapWords(head, (word, next) => {
    // Behind a command that takes a file, the first word that is no flag is that file, whatever it is called.
    if (wantsFile && !word.startsWith('-') && !/^[A-Z_]+=/.test(word)) {
      wantsFile = false;
      return { words: ['--file', word], used: 1 };
    }
    wantsFile ||= commandsOfFiles.includes(word);
    return translate(word, next, commands, directories);
  });
  const { words, env, given } = takeMakeWords(translated, processEnv);
  return {
    ...splitCommands(words, commands),
    rest: end < 0 ? [] : argv.slice(end + 1),
    directories,
    env,
    given,
  };
}

type Reading = ReturnType<Parameters<typeof mapWords>[1]>;

function translate(
  word: string,
  next: string | undefined,
  commands: readonly string[],
  directories: string[],
): Reading {
  const directory = valueOf(word, next, ['-C', '--directory']);
  if (directory !== undefined) {
    directories.push(directory.value);
    return { words: [], used: directory.used };
  }
  if (word === '-p' || word.startsWith('--pristine')) return pristine(word, next, commands);
  const target = valueOf(word, next, ['-t', '--target']);
  if (target !== undefined) {
    if (!commands.includes(target.value) && !Object.hasOwn(foreignCommands, target.value))
      notHere(`${word} ${target.value}`, foreignHints.target);
    return { words: translate(target.value, undefined, commands, directories).words, used: target.used };
  }
  if ((word === '-j' || word === '--jobs') && !isNumberOrTypo(next, commands)) return { words: [], used: 1 };
  if (/^-D./.test(word)) notHere(word, foreignHints.define);
  if (/^\+./.test(word)) notHere(word, foreignHints.toolchain);
  if (word.startsWith('-')) return translateFlag(word, next);
  const variable = foreignVariables[word];
  if (variable !== undefined && 'as' in variable) return { words: variable.as, used: 1 };
  if (commands.includes(word)) return { words: [word], used: 1 };
  const command = Object.hasOwn(foreignCommands, word) ? foreignCommands[word] : undefined;
  if (command !== undefined) return resolved(word, next, command);
  if (/^[\w@+-]*[./][\w./@+-]*$/.test(word)) notHere(word, foreignHints.file);
  return { words: [word], used: 1 };
}

function translateFlag(word: string, next: string | undefined): Reading {
  const [name, value] = splitOnce(word);
  const spec = specOf(name);
  if (spec !== undefined) {
    // yargs takes every value but `true` of a switch for `false`, silently.
    if (value !== undefined && !isValued(spec) && !['true', 'false'].includes(value))
      refuse('ARG123', `${name} takes no value, and '${value}' is one`, {
        hint: `write ${name} alone, or leave it out`,
        exit: exitCode.usage,
      });
    return { words: [word], used: 1 };
  }
  const foreign = Object.hasOwn(foreignFlags, name) ? foreignFlags[name] : undefined;
  if (foreign === undefined) return { words: [word], used: 1 };
  return resolved(name, value ?? next, foreign, value === undefined ? 2 : 1);
}

function resolved(word: string, value: string | undefined, foreign: ForeignWord, used: 1 | 2 = 1): Reading {
  if ('hint' in foreign) return notHere(word, foreign.hint);
  if ('as' in foreign) return { words: foreign.as, used: 1 };
  if (value === undefined || (used === 2 && value.startsWith('-'))) return { words: [foreign.flag], used: 1 };
  return { words: [foreign.flag, foreign.values?.[value] ?? value], used };
}

/** `-p` of west. In front of a command, a flag or nothing it is `always`. */
function pristine(word: string, next: string | undefined, commands: readonly string[]): Reading {
  const [, value] = splitOnce(word);
  const isAlone = next === undefined || next.startsWith('-') || next.includes('=') || commands.includes(next);
  const wanted = value ?? (isAlone ? 'always' : next);
  const put = Object.hasOwn(pristineValues, wanted) ? pristineValues[wanted] : undefined;
  if (put === undefined)
    return notHere(value === undefined ? `${word} ${wanted}` : word, foreignHints.pristine);
  return { words: put, used: value === undefined && !isAlone ? 2 : 1 };
}

/** The value of one of the flags `names`, attached (`-Cdir`, `--directory=dir`) or the next word. */
function valueOf(
  word: string,
  next: string | undefined,
  names: readonly [short: string, long: string],
): { readonly value: string; readonly used: 1 | 2 } | undefined {
  const [short, long] = names;
  if (word.startsWith(`${long}=`)) return { value: word.slice(long.length + 1), used: 1 };
  if (word !== short && word !== long)
    return word.startsWith(short) ? { value: word.slice(short.length), used: 1 } : undefined;
  if (next === undefined || next === '')
    refuse('ARG122', `${word} needs a value`, { hint: `write ${word} VALUE`, exit: exitCode.usage });
  return { value: next, used: 2 };
}

/** `make -j` means as many as can be. A word that is no command is a number that was misspelt. */
const isNumberOrTypo = (next: string | undefined, commands: readonly string[]): boolean =>
  next !== undefined &&
  !next.startsWith('-') &&
  !next.includes('=') &&
  !commands.includes(next) &&
  !Object.hasOwn(foreignCommands, next);

const splitOnce = (word: string): [string, string?] => {
  const at = word.indexOf('=');
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)];
};

const notHere = (word: string, hint: string): never =>
  refuse('ARG120', `vmbuild has no '${word}'`, { hint, exit: exitCode.usage });

/** Commands after which another one makes sense. */
const stackable: readonly string[] = ['clean', 'setup', 'fetch', 'generate', 'build'];

/** make takes any number of goals. Here the last one is the command, and what prepares it may stand before. */
function splitCommands(
  words: readonly string[],
  commands: readonly string[],
): Pick<CommandLine, 'words' | 'before'> {
  const places = words.flatMap((word, at) => {
    const before = words[at - 1];
    const isValue = before !== undefined && takesNextWord(before);
    return !isValue && commands.includes(word) ? [at] : [];
  });
  const last = words[places.at(-1) ?? -1];
  const before = places.slice(0, -1).map((at) => words[at] ?? '');
  const stray = before.find((name) => !stackable.includes(name));
  if (stray !== undefined)
    refuse('ARG125', `'${stray}' and '${last}' are two commands`, {
      hint: `run them one after the other; only ${stackable.join(', ')} may stand before another`,
      exit: exitCode.usage,
    });
  return {
    // In front: yargs does not know yet that `-v` of `-v qemu` takes no value.
    words: [...(last === undefined ? [] : [last]), ...words.filter((_, at) => !places.includes(at))],
    // Who runs the image builds it.
    before: [...new Set(before)].filter((name) => name !== last && !(name === 'build' && last === 'qemu')),
  };
}
