// SPDX-License-Identifier: BSD-2-Clause
// Usage errors: yargs's words, plus the nearest name where it has none.
import { exitCode, Refusal } from '../meta/diagnostic.ts';
import { didYouMean } from '../meta/finding.ts';

/** Turns yargs's message into a refusal with exit code 2. `options` are those of the command. */
export function usageRefusal(
  message: string,
  known: { readonly commands: readonly string[]; readonly options: readonly string[] },
): Refusal {
  const unknown = /^Unknown (?:arguments?|commands?): (.*)$/.exec(message)?.[1]?.split(', ') ?? [];
  const names = unknown.filter((name) => name.length > 1 || unknown.length === 1);
  if (names.length === 0)
    return new Refusal(
      [{ code: 'ARG100', severity: 'error', message, hint: "see 'vmbuild --help'" }],
      exitCode.usage,
    );
  return new Refusal(
    names.map((name) => ({
      code: 'ARG102',
      severity: 'error',
      message: `unknown argument '${name}'`,
      hint: hintFor(name, known),
    })),
    exitCode.usage,
  );
}

/** yargs says without dashes what was unknown, so it may have been an option or a command. */
function hintFor(name: string, { commands, options }: Parameters<typeof usageRefusal>[1]): string {
  const nearest = didYouMean(name, [...options, ...commands]);
  return nearest.startsWith('did you mean') ? `${nearest} See 'vmbuild --help'` : "see 'vmbuild --help'";
}
