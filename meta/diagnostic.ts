// SPDX-License-Identifier: BSD-2-Clause
// What vmbuild says when the world is wrong: a value with a stable code, both parties, the numbers, a place and a
// way out. Stages collect Diagnostics and throw one Refusal at their end; only the CLI prints them. A failed
// assertion is the other kind of wrong (ours): it keeps its stack and ends with exit code 70.

/** Where the fault lies: a file, and in it a 1-based line and column if they are known. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

export interface Diagnostic {
  /** Stable, documented in docs/errors.md: a family of capitals and three digits, e.g. `FDT103`, `TOOL101`. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  /** One sentence that names both parties and the numbers. No trailing full stop. */
  readonly message: string;
  readonly place?: Place;
  /** The way out; starts with a verb. */
  readonly hint?: string;
}

/** Exit codes of the command line; sources: shared facts/bad-inputs.md §1, sysexits(3), timeout(1). */
export const exitCode = {
  ok: 0,
  refused: 1,
  usage: 2,
  missing: 69,
  bug: 70,
  timeout: 124,
} as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** Thrown at the end of a stage that found errors. Carries everything that was found, never a stack for the user. */
export class Refusal extends Error {
  readonly diagnostics: readonly Diagnostic[];
  readonly exit: ExitCode;
  constructor(diagnostics: readonly Diagnostic[], exit: ExitCode = exitCode.refused) {
    super(diagnostics.map((d) => `${d.code} ${d.message}`).join('\n'));
    this.name = 'Refusal';
    this.diagnostics = diagnostics;
    this.exit = exit;
  }
}

/** Throws a Refusal with all of `diagnostics` if one of them is an error; else gives the warnings back. */
export function refuseErrors(diagnostics: readonly Diagnostic[], exit?: ExitCode): readonly Diagnostic[] {
  if (diagnostics.some((d) => d.severity === 'error')) throw new Refusal(diagnostics, exit);
  return diagnostics;
}

/** `refuse('NET404', 'message', 'try this')`: the common case of one error. */
export function refuse(
  code: string,
  message: string,
  more: { hint?: string; place?: Place; exit?: ExitCode } = {},
): never {
  const { exit, ...rest } = more;
  throw new Refusal([{ code, severity: 'error', message, ...rest }], exit);
}

/** Half-open range as all messages write it: `[0x40000000..0x50000000)`. */
export const formatRange = (start: bigint, end: bigint): string =>
  `[0x${start.toString(16)}..0x${end.toString(16)})`;

/** `256 MiB (0x10000000)`; the largest binary unit that divides the size. */
export function formatSize(sizeBytes: bigint): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = sizeBytes;
  let unit = 0;
  while (value !== 0n && value % 1024n === 0n && unit < units.length - 1) {
    value /= 1024n;
    unit += 1;
  }
  return `${value} ${units[unit]} (0x${sizeBytes.toString(16)})`;
}
