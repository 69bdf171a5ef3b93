// SPDX-License-Identifier: BSD-2-Clause
// What every benchmark is as a program: results on stdout, news and findings on stderr, exit codes as vmbuild's, and
// Ctrl-C ends what was started.
import { printDiagnostics } from '../../cli/report.ts';
import { exitCode, Refusal } from '../../meta/diagnostic.ts';

export interface BenchContext {
  /** Words of the command line. */
  readonly words: readonly string[];
  /** Aborted by SIGINT, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
}

export async function runBench(bench: (context: BenchContext) => Promise<void>): Promise<number> {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(name, () => {
      controller.abort(new Error(`received ${name}`));
    });
  try {
    await bench({ words: process.argv.slice(2), signal: controller.signal });
    return exitCode.ok;
  } catch (error) {
    if (controller.signal.aborted) return 130;
    if (!(error instanceof Refusal)) throw error;
    printDiagnostics(error.diagnostics);
    return error.exit;
  }
}

export const news = (text: string): void => {
  process.stderr.write(`${text}\n`);
};
