// SPDX-License-Identifier: BSD-2-Clause
// Makes Diagnostics without spelling out their optional fields, and guesses what a misspelt name meant.

import type { Diagnostic, Place } from './diagnostic.ts';

interface Extra {
  readonly hint?: string | undefined;
  readonly place?: Place | undefined;
}

export const errorFinding = (code: string, message: string, extra: Extra = {}): Diagnostic =>
  finding('error', code, message, extra);

export const warningFinding = (code: string, message: string, extra: Extra = {}): Diagnostic =>
  finding('warning', code, message, extra);

/** What nearly all that is looked at has; one for all. */
export const noFindings: readonly Diagnostic[] = [];

/** `did you mean 'x'?`-style hint from the nearest of `known`, or a list of them if none is near. */
export function didYouMean(wanted: string, known: readonly string[]): string {
  const ranked = known
    .map((name) => ({ name, distance: editDistance(wanted, name) }))
    .toSorted((a, b) => a.distance - b.distance);
  const best = ranked[0];
  if (best === undefined) return 'there is none';
  if (best.distance <= Math.max(2, Math.floor(wanted.length / 3))) return `did you mean '${best.name}'?`;
  const shown = known.slice(0, 8).map((name) => `'${name}'`);
  return `use one of ${shown.join(', ')}${known.length > shown.length ? ', …' : ''}`;
}

/** didYouMean for many names: after a few it stops searching, so that a file of misspellings costs no more than one of them. */
export function suggester(known: readonly string[], budget = 20): (wanted: string) => string {
  let left = budget;
  return (wanted) => {
    left -= 1;
    return left >= 0 ? didYouMean(wanted, known) : 'use a name that exists';
  };
}

function finding(severity: Diagnostic['severity'], code: string, message: string, extra: Extra): Diagnostic {
  return {
    code,
    severity,
    message,
    ...(extra.hint === undefined ? {} : { hint: extra.hint }),
    ...(extra.place === undefined ? {} : { place: extra.place }),
  };
}

/** Levenshtein's distance; names longer than 64 characters are cut, so the work is bounded. */
function editDistance(a: string, b: string): number {
  const from = a.slice(0, 64);
  const to = b.slice(0, 64);
  let row = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const substitute = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
