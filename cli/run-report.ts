// SPDX-License-Identifier: BSD-2-Clause
// The result of a run on stdout, as text or as JSON, and the exit code that goes with it.
import type { LaunchEnd } from '../make/launch/watch.ts';
import { type Diagnostic, exitCode } from '../meta/diagnostic.ts';
import type { Settings } from './options.ts';
import { printDiagnostics } from './report.ts';

export interface RunResult {
  readonly end: LaunchEnd;
  /** What went wrong beside the run, e.g. with its picture. */
  readonly findings: readonly Diagnostic[];
  /** The lines of a verified run. */
  readonly verdictOf: (end: LaunchEnd) => readonly string[];
  /** Further fields of the JSON. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

export function reportRun(settings: Settings, { end, findings, verdictOf, extra = {} }: RunResult): number {
  const result = {
    version: 1,
    ...extra,
    ...end,
    ...(findings.length === 0 ? {} : { diagnostics: findings }),
  };
  const lines = settings.on('json') ? [JSON.stringify(result)] : linesOf(end, verdictOf);
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  printDiagnostics(findings);
  return findings.length === 0 ? exitCode.ok : exitCode.refused;
}

/** As people read it; nothing for a run that just ended. */
export const linesOf = (end: LaunchEnd, verdictOf: RunResult['verdictOf']): readonly string[] =>
  end.kind === 'matched'
    ? [`matched: ${end.line.text} (${(end.durationMs / 1000).toFixed(1)} s)`]
    : verdictOf(end);
