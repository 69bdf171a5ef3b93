// SPDX-License-Identifier: BSD-2-Clause
// Which lines of a run a picture shows. Telling lines come first, from the last one of each speaker back, so that no
// guest talks another's verdict out of the picture; then the stages of the boot and how it began; then the end, as far
// back as there is room.
import type { Speaker } from './console.ts';
import { isStage, isTelling } from './highlights.ts';
import type { RecordedLine } from './recording.ts';

export type Row = { readonly line: RecordedLine } | { readonly leftOut: number };

/** Two guests have these; with more of them the VMMs would fill the picture. */
const maxStages = 12;
const openingLines = 3;

/** At most `maxRows` rows, in the order of the run; what is not shown becomes a row that counts it. */
export function chooseRows(lines: readonly RecordedLine[], maxRows: number): readonly Row[] {
  const ranked = rank(lines);
  // Each gap takes a row as well; how many there are shows only when the lines are chosen.
  for (let count = Math.min(ranked.length, maxRows); count > 0; count -= 1) {
    const rows = toRows(ranked.slice(0, count), lines);
    if (rows.length <= maxRows) return rows;
  }
  return [];
}

/** The lines, those first that matter most. */
function rank(lines: readonly RecordedLine[]): readonly RecordedLine[] {
  const told = new Map<Speaker, number>();
  const telling = lines
    .filter(isTelling)
    .toReversed()
    .map((line) => {
      const fromLast = told.get(line.speaker) ?? 0;
      told.set(line.speaker, fromLast + 1);
      return { line, fromLast };
    })
    .toSorted((a, b) => a.fromLast - b.fromLast)
    .map(({ line }) => line);
  const stages = lines.filter(isStage).slice(0, maxStages);
  return [...new Set([...telling, ...stages, ...lines.slice(0, openingLines), ...lines.toReversed()])];
}

function toRows(chosen: readonly RecordedLine[], lines: readonly RecordedLine[]): readonly Row[] {
  const kept = new Map(lines.map((line) => [line.number, line]));
  const rows: Row[] = [];
  let shown = 0;
  const skipTo = (number: number): void => {
    const leftOut = number - shown - 1;
    // A row that says '1 line' may as well be that line.
    const only = leftOut === 1 ? kept.get(shown + 1) : undefined;
    if (leftOut > 0) rows.push(only === undefined ? { leftOut } : { line: only });
    shown = number;
  };
  for (const line of chosen.toSorted((a, b) => a.number - b.number)) {
    skipTo(line.number);
    rows.push({ line });
  }
  skipTo((lines.at(-1)?.number ?? 0) + 1);
  return rows;
}
