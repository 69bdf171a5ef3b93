// SPDX-License-Identifier: BSD-2-Clause
// Which words of a command line are values of the flag before them. Who looks for commands or `NAME=value` among the
// words must leave those alone: `--append DEBUG=1`, `--sdf all`.
import { type OptionSpec, optionTable } from './options.ts';

const specs: readonly (readonly [string, OptionSpec])[] = Object.entries(optionTable);

/** Whether `word` is a flag of vmbuild's that takes the next word as its value. */
export function takesNextWord(word: string): boolean {
  const spec = specOf(word);
  return spec !== undefined && isValued(spec) && spec.bare !== true;
}

/** The specification of `--name`, or of the last letter of `-abc`; undefined for `--name=value` and other words. */
export function specOf(word: string): OptionSpec | undefined {
  const name = /^--([a-z][a-z-]*)$/.exec(word)?.[1];
  if (name !== undefined) return specs.find(([known]) => known === name)?.[1];
  const letter = /^-[A-Za-z]*([A-Za-z])$/.exec(word)?.[1];
  return letter === undefined ? undefined : specs.find(([, { alias }]) => alias === letter)?.[1];
}

/** Whether the flag holds text or a number. */
export const isValued = ({ type }: OptionSpec): boolean => type === 'string' || type === 'number';

/** Runs over `words`; those that are values of a flag are kept, of the others `read` says what stands in their place. */
export function mapWords(
  words: readonly string[],
  read: (
    word: string,
    next: string | undefined,
  ) => { readonly words: readonly string[]; readonly used: 1 | 2 },
): readonly string[] {
  const made: string[] = [];
  for (let at = 0; at < words.length; ) {
    const word = words[at] ?? '';
    const next = words[at + 1];
    if (takesNextWord(word) && next !== undefined && !next.startsWith('-')) {
      made.push(word, next);
      at += 2;
      continue;
    }
    const { words: put, used } = read(word, next);
    for (const one of put) made.push(one);
    at += used;
  }
  return made;
}
