// SPDX-License-Identifier: BSD-2-Clause
// Rules that all names share: there is one, the monitor can print it whole, XML can carry it.

import type { Diagnostic, Place } from '../diagnostic.ts';
import { errorFinding, noFindings } from '../finding.ts';
import { pdLimits } from '../limits.ts';

/** Names that programs see: the monitor prints them from an array of 64 bytes, NUL included, and truncates silently. */
export function checkName(kind: string, name: string, place: Place | undefined): readonly Diagnostic[] {
  const length = /[^\0-\x7f]/.test(name) ? new TextEncoder().encode(name).length : name.length;
  if (length > 0 && length <= pdLimits.nameBytes) return checkCharacters(kind, name, place);
  return [
    errorFinding(
      'SDF505',
      `name '${name}' of a ${kind} has ${length} bytes; it takes 1 to ${pdLimits.nameBytes}`,
      { hint: length === 0 ? 'name it' : 'shorten it', place },
    ),
  ];
}

/** XML 1.0, production 2: control characters, lone surrogates and two others cannot be written, not even escaped. */
export function checkCharacters(kind: string, text: string, place: Place | undefined): readonly Diagnostic[] {
  if (!/[^ -~]/.test(text)) return noFindings;
  // oxlint-disable-next-line no-control-regex
  const match = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/u.exec(text);
  if (match === null) return [];
  const code = match[0].codePointAt(0) ?? 0;
  return [
    errorFinding(
      'SDF515',
      `${kind} ${JSON.stringify(text)} has the character U+${code.toString(16).padStart(4, '0')} at ${match.index}, which XML cannot carry`,
      { hint: 'use printable characters', place },
    ),
  ];
}
