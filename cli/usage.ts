// SPDX-License-Identifier: BSD-2-Clause
// Usage errors: yargs's words, plus the nearest name where it has none.
import { type Diagnostic, exitCode, Refusal } from '../meta/diagnostic.ts';
import { didYouMean } from '../meta/finding.ts';

/** What is unknown is said for so many words; a line with thousands of them was not typed. */
const maxUnknown = 8;

/** Turns yargs's message into a refusal with exit code 2. `options` are those of the command. */
export function usageRefusal(
  message: string,
  known: { readonly commands: readonly string[]; readonly options: readonly string[] },
): Refusal {
  const refusal = (...diagnostics: Diagnostic[]): Refusal => new Refusal(diagnostics, exitCode.usage);
  const unknown = /^Unknown (?:arguments?|commands?): (.*)$/s.exec(message)?.[1]?.split(', ') ?? [];
  const names = unknown.filter((name) => name.length > 1 || unknown.length === 1);
  if (names.length > maxUnknown)
    return refusal({
      code: 'ARG102',
      severity: 'error',
      message: `unknown arguments '${names[0]}' and ${names.length - 1} more`,
      hint: "see 'vmbuild --help'",
    });
  if (names.length > 0)
    return refusal(
      ...names.map((name) => ({
        code: 'ARG102',
        severity: 'error' as const,
        message: `unknown argument '${name}'`,
        hint: hintFor(name, known),
      })),
    );
  const valueless = /^Not enough arguments following: (.*)$/s.exec(message)?.[1];
  const flag = valueless === undefined ? '' : valueless.length === 1 ? `-${valueless}` : `--${valueless}`;
  if (flag !== '')
    return refusal({
      code: 'ARG100',
      severity: 'error',
      message: `${flag} needs a value`,
      hint: `write ${flag.length === 2 ? `${flag} VALUE` : `${flag}=VALUE, also for a VALUE that begins with '-'`}; see 'vmbuild --help'`,
    });
  return refusal({ code: 'ARG100', severity: 'error', message, hint: "see 'vmbuild --help'" });
}

/** yargs says without dashes what was unknown, so it may have been an option or a command. */
function hintFor(name: string, { commands, options }: Parameters<typeof usageRefusal>[1]): string {
  const nearest = didYouMean(name, [...options, ...commands]);
  return nearest.startsWith('did you mean') ? `${nearest} See 'vmbuild --help'` : "see 'vmbuild --help'";
}
