// SPDX-License-Identifier: BSD-2-Clause
// Make-style words: `vmbuild MICROKIT_BOARD=maaxboard qemu` is what libvmm's users have in their fingers.
import { exitCode, refuse } from '../meta/diagnostic.ts';
import { didYouMean } from '../meta/finding.ts';
import { optionTable } from './options.ts';
import { mapWords } from './words.ts';

const variables: readonly string[] = Object.values(optionTable).flatMap((spec) =>
  'env' in spec ? [...spec.env] : [],
);

/**
 * Splits `NAME=value` words off `argv`; they count as environment, and win over it as make's do. The value of a flag may
 * look like one, and is left alone.
 */
export function takeMakeWords(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): { words: readonly string[]; env: NodeJS.ProcessEnv; given: ReadonlySet<string> } {
  const taken: Record<string, string> = {};
  const words = mapWords(argv, (word) => {
    const match = /^([A-Z][A-Z0-9_]*)=(.*)$/s.exec(word);
    if (match === null) return { words: [word], used: 1 };
    const [, name = '', value = ''] = match;
    if (!variables.includes(name))
      refuse('ARG103', `'${name}' is no variable of vmbuild`, {
        hint: `${didYouMean(name, variables)} Known are ${variables.join(', ')}`,
        exit: exitCode.usage,
      });
    taken[name] = value;
    return { words: [], used: 1 };
  });
  return { words, env: { ...env, ...taken }, given: new Set(Object.keys(taken)) };
}
