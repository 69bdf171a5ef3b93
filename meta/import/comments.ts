// SPDX-License-Identifier: BSD-2-Clause
// Comments of a system file, for the statement that its element becomes: what stands before an element, or behind it on
// its line, belongs to it. What stands behind the last element belongs to the file.

import type { Place } from '../diagnostic.ts';
import type { SystemDescription } from '../model.ts';
import { allPds } from '../model.ts';

/** The comment's lines by the place object of the element that it belongs to. */
export interface Comments {
  readonly of: ReadonlyMap<Place, readonly string[]>;
  readonly atEnd: readonly string[];
}

export const noComments: Comments = { of: new Map(), atEnd: [] };

/** `text` is well-formed XML, and `system` was read from it. */
export function findComments(text: string, system: SystemDescription): Comments {
  const places = placesOf(system).toSorted((a, b) => lineOf(a) - lineOf(b) || columnOf(a) - columnOf(b));
  const of = new Map<Place, string[]>();
  const atEnd: string[] = [];
  let next = 0;
  for (const comment of commentsIn(text)) {
    // Both come in the order of the file, so each is looked at once.
    while (next < places.length && isBefore(places[next], comment.line, comment.column)) next += 1;
    const previous = places[next - 1];
    const isBehind = previous !== undefined && lineOf(previous) === comment.line && !comment.isFirstInLine;
    const owner = isBehind ? previous : places[next];
    if (owner === undefined) atEnd.push(...comment.lines);
    else of.set(owner, [...(of.get(owner) ?? []), ...comment.lines]);
  }
  return { of, atEnd };
}

interface Comment {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly column: number;
  readonly isFirstInLine: boolean;
  readonly lines: readonly string[];
}

function* commentsIn(text: string): Generator<Comment> {
  let line = 1;
  let lineStart = 0;
  let at = 0;
  for (const { index, 0: whole, 1: content = '' } of text.matchAll(/<!--([^]*?)-->|<!\[CDATA\[[^]*?\]\]>/g)) {
    for (; at < index; at += 1)
      if (text[at] === '\n') {
        line += 1;
        lineStart = at + 1;
      }
    if (whole.startsWith('<!--'))
      yield {
        line,
        column: index - lineStart + 1,
        isFirstInLine: text.slice(lineStart, index).trim() === '',
        lines: plainLines(content),
      };
  }
}

/** Without blank lines around it; what a comment of TypeScript cannot hold, or nobody could see, is a blank. */
function plainLines(content: string): string[] {
  const lines = content
    .split(/\r\n|[\n\r\u2028\u2029]/)
    .map((line) => line.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ').trim());
  const first = lines.findIndex((line) => line !== '');
  return first === -1 ? [] : lines.slice(first, lines.findLastIndex((line) => line !== '') + 1);
}

const lineOf = ({ line = 0 }: Place): number => line;
const columnOf = ({ column = 0 }: Place): number => column;

const isBefore = (place: Place | undefined, line: number, column: number): boolean =>
  place !== undefined && (lineOf(place) < line || (lineOf(place) === line && columnOf(place) < column));

/** Of everything that becomes a statement of its own. */
function placesOf({ memoryRegions, protectionDomains, channels, ...more }: SystemDescription): Place[] {
  const placed = [
    ...memoryRegions,
    ...allPds(protectionDomains).flatMap((pd) => [
      pd,
      ...pd.maps,
      ...pd.irqs,
      ...pd.setvars,
      ...(pd.ioPorts ?? []),
      ...(pd.cspace ?? []),
      ...(pd.virtualMachine === undefined ? [] : [pd.virtualMachine, ...pd.virtualMachine.maps]),
    ]),
    ...channels,
    ...(more.ioAddressSpaces ?? []).flatMap((space) => [space, ...space.maps]),
    ...(more.domains === undefined ? [] : [more.domains]),
  ];
  return placed.flatMap(({ place }) => place ?? []);
}
