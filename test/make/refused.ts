// SPDX-License-Identifier: BSD-2-Clause
// A refusal as a value, for tests that look at what it says.
import type { Diagnostic, ExitCode } from '../../meta/diagnostic.ts';
import { Refusal } from '../../meta/diagnostic.ts';

export interface Refused {
  readonly exit: ExitCode;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** The first diagnostic of what `task` refuses; fails if it refuses nothing. */
export async function refusedBy(task: () => unknown): Promise<Refused> {
  try {
    await task();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const [first] = error.diagnostics;
    return {
      exit: error.exit,
      code: first?.code ?? '',
      message: first?.message ?? '',
      hint: first?.hint ?? '',
      diagnostics: error.diagnostics,
    };
  }
  throw new Error('nothing was refused');
}
