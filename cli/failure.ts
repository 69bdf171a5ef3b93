// SPDX-License-Identifier: BSD-2-Clause
// How a command's failure is told: its findings on stderr, with --json also on stdout; the exit code that goes with it.
import { isSystemError } from '../make/action.ts';
import { exitCode, type ExitCode, Refusal } from '../meta/diagnostic.ts';
import { printDiagnostics } from './report.ts';

/** The exit code, or undefined for what is our own fault: then nothing is printed yet. */
export function reportFailure(error: unknown, { json }: { readonly json: boolean }): ExitCode | undefined {
  if (error instanceof Refusal) {
    printDiagnostics(error.diagnostics);
    if (json)
      process.stdout.write(
        `${JSON.stringify({ version: 1, exit: error.exit, diagnostics: error.diagnostics })}\n`,
      );
    return error.exit;
  }
  if (!isSystemError(error)) return undefined;
  printDiagnostics([
    {
      code: 'SYS101',
      severity: 'error',
      message: `the system refused: ${error.message}`,
      hint: `check that '${error.path ?? 'the place'}' exists, may be written and has room`,
    },
  ]);
  return exitCode.refused;
}
