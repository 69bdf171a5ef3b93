// SPDX-License-Identifier: BSD-2-Clause
// The words of a benchmark's command line; what is wrong with them is BEN101.
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { exitCode, refuse } from '../../meta/diagnostic.ts';

type WordOptions = NonNullable<ParseArgsConfig['options']>;

export interface BenchWords {
  parse<const Options extends WordOptions>(
    words: readonly string[],
    options: Options,
  ): ReturnType<typeof parseArgs<{ args: string[]; options: Options }>>['values'];
  refuse(message: string): never;
}

/** `name` of the benchmark, for the hint; `command` of what is none, but goes by the same words. */
export function benchWords(name: string, command = `npm run bench ${name}`): BenchWords {
  const refuseWords = (message: string): never =>
    refuse('BEN101', message, { hint: `run ${command} -- --help`, exit: exitCode.usage });
  return {
    parse: (words, options) => {
      try {
        return parseArgs({ args: [...words], options }).values;
      } catch (error) {
        // Node's own codes for what a user typed wrong.
        if (!(error instanceof TypeError)) throw error;
        return refuseWords(error.message);
      }
    },
    refuse: refuseWords,
  };
}
