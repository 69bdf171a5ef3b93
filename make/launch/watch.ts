// SPDX-License-Identifier: BSD-2-Clause
// Watches the consoles of a run: until the guests have proved their transfers, or a line has come, and what to make of it
// when the run ends another way.
import { type Diagnostic, exitCode, Refusal } from '../../meta/diagnostic.ts';
import type { ConsoleLine } from './console.ts';
import {
  describeSilence,
  type Expectation,
  isEvidence,
  judge,
  type Judgement,
  type Verified,
} from './verdict.ts';

/** What ends a run; without it, it lasts until its machines end or it is aborted. */
export type Expected = { readonly verdict: Expectation } | { readonly pattern: RegExp };

/** `durationMs` is from the start of the first machine to the line that decided. */
export type LaunchEnd =
  | (Verified & { readonly durationMs: number })
  | { readonly kind: 'matched'; readonly line: ConsoleLine; readonly durationMs: number }
  /** The machines ended by themselves, and nothing else was expected. */
  | { readonly kind: 'ended'; readonly durationMs: number };

/** Lines that a run is judged by; a guest that prints more of them is refused by the first ones already. */
const maxEvidence = 1000;

export interface Watch {
  see(line: ConsoleLine): void;
  /** Resolves once the run need not go on. */
  readonly decided: Promise<void>;
  /** Whether guest number `client` has reported all that is expected of it. */
  hasReported(client: number): boolean;
  /** The run's end, or a Refusal with what is wrong. */
  conclude(facts: Facts): LaunchEnd;
}

export interface Facts {
  /** A machine that ended by itself when it should not have; said beside what the guests have said. */
  readonly death?: Diagnostic | undefined;
  /** All machines ended as they should, and nothing else was expected. */
  readonly hasEnded?: boolean;
  /** Since the run's start. */
  readonly durationMs: number;
  /** Where the consoles are kept. */
  readonly log: string;
}

export function makeWatch(expect: Expected | undefined, deadlineMs: number | undefined): Watch {
  const evidence: ConsoleLine[] = [];
  const startMs = performance.now();
  let matched: ConsoleLine | undefined;
  let decidedMs: number | undefined;
  let resolveDecided = (): void => undefined;
  const decided = new Promise<void>((resolve) => {
    resolveDecided = resolve;
  });
  const decide = (): void => {
    decidedMs ??= performance.now() - startMs;
    resolveDecided();
  };
  const judgement = (): Judgement | undefined =>
    expect !== undefined && 'verdict' in expect ? judge(expect.verdict, evidence) : undefined;

  return {
    decided,
    see: (line) => {
      if (expect === undefined) return;
      if ('pattern' in expect) {
        if (matched === undefined && expect.pattern.test(line.text)) matched = line;
        if (matched !== undefined) decide();
      } else if (isEvidence(line) && evidence.length < maxEvidence) {
        evidence.push(line);
        if (decidedMs === undefined && judgement()?.kind !== 'open') decide();
      }
    },
    hasReported: (client) => {
      const judged = judgement();
      return judged?.kind === 'open'
        ? !judged.missing.some((party) => party.client === client)
        : judged !== undefined;
    },
    conclude: ({ death, hasEnded = false, durationMs, log }) => {
      const decidedAt = { durationMs: decidedMs ?? durationMs };
      if (matched !== undefined) return { kind: 'matched', line: matched, ...decidedAt };
      const judged = judgement();
      if (judged?.kind === 'verified') return { ...judged, ...decidedAt };
      const hint: Pick<Diagnostic, 'hint'> = { hint: `see '${log}'` };
      const said = judged?.kind === 'refused' ? judged.diagnostics.map((d) => ({ ...d, ...hint })) : [];
      if (death !== undefined || said.length > 0)
        throw new Refusal([...(death === undefined ? [] : [death]), ...said]);
      if (hasEnded && expect === undefined) return { kind: 'ended', durationMs };
      throw new Refusal([{ ...silence(expect, judged, deadlineMs), ...hint }], exitCode.timeout);
    },
  };
}

function silence(
  expect: Expected | undefined,
  judged: Judgement | undefined,
  deadlineMs: number | undefined,
): Diagnostic {
  const what =
    expect === undefined
      ? 'the machines were still running'
      : 'pattern' in expect
        ? `no line matched ${String(expect.pattern)}`
        : describeSilence(judged?.kind === 'open' ? judged.missing : [], expect.verdict.parties);
  const message = `after ${Math.round((deadlineMs ?? 0) / 1000)} s, the deadline, ${what}`;
  return { code: 'RUN124', severity: 'error', message };
}
