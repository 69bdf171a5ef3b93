// SPDX-License-Identifier: BSD-2-Clause
// A `~` that no shell has replaced: bash leaves it in `--sdk=~/sdk`, dash in `MICROKIT_SDK=~/sdk` of a make-style word,
// and every program that sets variables from a file. Who writes it means the home directory.
import { join } from 'node:path';
import { type Environment, homeDir } from '../make/store/cache.ts';
import { type OptionSpec, optionTable } from './options.ts';

const paths = Object.entries<OptionSpec>(optionTable).filter(([, { isPath }]) => isPath === true);
const flagNames = paths.map(([name]) => name);
const variableNames = [...paths.flatMap(([, { env = [] }]) => env), 'VMBUILD_CACHE', 'XDG_CACHE_HOME'];

/** `env` with the home directory in place of a leading `~/` where a path is meant. */
export const expandVariables = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => expand(env, variableNames, env);

export const expandFlags = (
  flags: Readonly<Record<string, unknown>>,
  env: Environment,
): Record<string, unknown> => expand(flags, flagNames, env);

function expand<Values extends Readonly<Record<string, unknown>>>(
  values: Values,
  names: readonly string[],
  env: Environment,
): Values {
  const changed = names.flatMap((name) => {
    const value = values[name];
    return typeof value === 'string' && (value === '~' || value.startsWith('~/'))
      ? [[name, join(homeDir(env), value.slice(1))] as const]
      : [];
  });
  return changed.length === 0 ? values : { ...values, ...Object.fromEntries(changed) };
}
