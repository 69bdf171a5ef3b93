// SPDX-License-Identifier: BSD-2-Clause
// Make-style words: `vmbuild MICROKIT_BOARD=maaxboard qemu` is what libvmm's users have in their fingers.
import { exitCode, refuse } from '../meta/diagnostic.ts';
import { didYouMean } from '../meta/finding.ts';
import { optionTable } from './options.ts';

const variables: readonly string[] = Object.values(optionTable).flatMap((spec) =>
  'env' in spec ? [...spec.env] : [],
);

/** Splits `NAME=value` words off `argv`; they count as environment, and win over it as make's do. */
export function takeMakeWords(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): { words: readonly string[]; env: NodeJS.ProcessEnv } {
  const words: string[] = [];
  const taken: Record<string, string> = {};
  for (const word of argv) {
    const match = /^([A-Z][A-Z0-9_]*)=(.*)$/s.exec(word);
    if (match === null) {
      words.push(word);
      continue;
    }
    const [, name = '', value = ''] = match;
    if (!variables.includes(name))
      refuse('ARG103', `'${name}' is no variable of vmbuild`, {
        hint: `${didYouMean(name, variables)} Known are ${variables.join(', ')}`,
        exit: exitCode.usage,
      });
    taken[name] = value;
  }
  return { words, env: { ...env, ...taken } };
}
