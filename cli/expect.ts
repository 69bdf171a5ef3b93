// SPDX-License-Identifier: BSD-2-Clause
// `--expect`: alone, the guests' verdicts decide; with a pattern, the first line that it matches. And how long it may take.
import { exitCode, refuse } from '../meta/diagnostic.ts';
import type { Settings } from './options.ts';

export type Expect = 'verdict' | RegExp;

/** Undefined if nothing is expected. */
export function parseExpect(text: string | undefined): Expect | undefined {
  if (text === undefined) return undefined;
  if (text === '') return 'verdict';
  try {
    return new RegExp(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return refuse('ARG105', `--expect '${text}' is no regular expression: ${reason}`, {
      exit: exitCode.usage,
    });
  }
}

/** All guests share the machine: each more makes the others slower. */
const secondsPerGuest = 90;

export const deadlineMsOf = (settings: Settings, guests: number): number =>
  (settings.number('timeout') ?? secondsPerGuest * guests) * 1000;
