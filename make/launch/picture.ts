// SPDX-License-Identifier: BSD-2-Clause
// A run as a picture: an SVG that looks like the terminal it was started in, for a README. It is shown by an <img>, so
// it has no script, no link and no font of its own, and it brings its background for light and dark pages.
//
// Everything stands on a grid of cells. `textLength` keeps each text to its cells, whatever monospaced font the reader
// has: a guest chooses characters, never places. The same run gives the same bytes.
import { isStage, isTelling } from './highlights.ts';
import { chooseRows, type Row } from './picture-rows.ts';
import { type CellText, escapeXml, fitCells, wrapCells } from './picture-text.ts';
import {
  bandPx,
  barPx,
  cellPx,
  classOfGuest,
  fixed,
  lineCells,
  lineX,
  type PictureGuest,
  renderBand,
  renderBar,
  renderWindow,
  rowPx,
  style,
  textAt,
  timeEndX,
  widthPx,
} from './picture-window.ts';
import type { RecordedLine } from './recording.ts';

export interface Picture {
  /** The command line, without a prompt. */
  readonly title: string;
  /** In the order of their numbers; the colours go by it, as those of the serial virtualiser. */
  readonly guests: readonly PictureGuest[];
  readonly lines: readonly RecordedLine[];
  readonly verdict: { readonly isGood: boolean; readonly lines: readonly string[] };
}

/** Of console lines; more would not fit a README's first screen. */
export const maxRows = 30;
/** A heap of diagnostics does not fill the page. */
const maxVerdictRows = 6;
const maxNameCells = 24;
const paddingPx = 12;
const baselinePx = 14;

export function renderPicture({ title, guests, lines, verdict }: Picture): string {
  const rows = chooseRows(lines, maxRows);
  const verdictRows = wrapVerdict(verdict.lines);
  const top = barPx + paddingPx;
  const height = top + rows.length * rowPx + paddingPx + bandPx(verdictRows.length);
  const label = escapeXml(fitCells([title, ...verdict.lines.slice(0, maxVerdictRows)].join(': '), 300).text);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${widthPx} ${height}" width="${widthPx}" height="${height}" role="img" aria-label="${label}">`,
    `<title>${label}</title>`,
    style,
    ...renderWindow(height),
    '<g xml:space="preserve">',
    ...renderBar(title, guests),
    ...rows.flatMap((row, index) => renderRow(row, top + baselinePx + index * rowPx, guests)),
    ...renderBand(verdictRows, height - 0.5, verdict.isGood),
    '</g>',
    '</svg>',
  ].join('\n')}\n`;
}

function wrapVerdict(lines: readonly string[]): readonly CellText[] {
  const rows = lines.slice(0, maxVerdictRows).flatMap((line) => wrapCells(line, lineCells, 3));
  return rows.length <= maxVerdictRows ? rows : [...rows.slice(0, maxVerdictRows - 1), fitCells('…', 1)];
}

function renderRow(row: Row, y: number, guests: readonly PictureGuest[]): string[] {
  if ('leftOut' in row) {
    const count = `… ${row.leftOut} line${row.leftOut === 1 ? '' : 's'} …`;
    return [textAt('gap', lineX, y, fitCells(count, lineCells))];
  }
  const { line } = row;
  const seconds = `${(line.atMs / 1000).toFixed(1)} s`;
  const stamp = `<text class="time" x="${fixed(timeEndX)}" y="${y}">${seconds}</text>`;
  if (line.speaker === 'system')
    return [stamp, textAt(isStage(line) ? 'stage' : 'system', lineX, y, fitCells(line.text, lineCells))];
  const colour = classOfGuest(line.speaker);
  const name = fitCells(guests[line.speaker]?.name ?? `guest ${line.speaker}`, maxNameCells);
  const nameCells = name.cells + 1;
  const text = fitCells(line.text, lineCells - nameCells - 1);
  return [
    stamp,
    textAt(`${colour} name`, lineX, y, { text: `${name.text}|`, cells: nameCells }),
    textAt(isTelling(line) ? colour : `${colour} aside`, lineX + (nameCells + 1) * cellPx, y, text),
  ];
}
