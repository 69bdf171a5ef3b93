// SPDX-License-Identifier: BSD-2-Clause
// What every benchmark is as a program: results on stdout, news and findings on stderr, exit codes as vmbuild's, and
// Ctrl-C ends what was started.
import { printDiagnostics } from '../../cli/report.ts';
import { exitCode, Refusal } from '../../meta/diagnostic.ts';

export interface Bench<Options> {
  readonly usage: string;
  /** Reads the words of the command line. */
  readonly parse: (words: readonly string[]) => Options | 'help';
  /** `signal` is aborted by SIGINT, SIGTERM and SIGHUP. False: it came to its end, but not all was well. */
  readonly run: (options: Options, signal: AbortSignal) => Promise<boolean | void>;
}

export async function runBench<Options extends object>({
  usage,
  parse,
  run,
}: Bench<Options>): Promise<number> {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(name, () => {
      controller.abort(new Error(`received ${name}`));
    });
  try {
    const options = parse(process.argv.slice(2));
    if (options !== 'help')
      return (await run(options, controller.signal)) === false ? exitCode.refused : exitCode.ok;
    process.stdout.write(usage);
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

/** For lines of guests: those that begin with `prefix`, or all. */
export const newsOf =
  (prefix: string, isVerbose: boolean) =>
  (who: string, text: string): void => {
    if (isVerbose || text.startsWith(prefix)) news(`  ${who}| ${text}`);
  };
