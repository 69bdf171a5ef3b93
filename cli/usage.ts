// SPDX-License-Identifier: BSD-2-Clause
// Usage errors: yargs's words, plus the nearest name where it has none.
import { exitCode, Refusal } from '../meta/diagnostic.ts';
import { didYouMean } from '../meta/finding.ts';

/** Turns yargs's message into a refusal with exit code 2. */
export function usageRefusal(message: string, options: readonly string[]): Refusal {
  const unknown = /^Unknown arguments?: (.*)$/.exec(message)?.[1]?.split(', ') ?? [];
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
      hint: `${didYouMean(name, options)} See 'vmbuild --help'`,
    })),
    exitCode.usage,
  );
}
