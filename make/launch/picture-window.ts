// SPDX-License-Identifier: BSD-2-Clause
// The frame of a picture: its grid of cells, the style, the window with its bar, and the band of the verdict.
import { type CellText, escapeXml, fitCells } from './picture-text.ts';

export interface PictureGuest {
  readonly name: string;
  /** What the legend calls it: `receiver`. */
  readonly role?: string;
}

export const fontPx = 13;
export const cellPx = 7.8;
export const rowPx = 19;
export const barPx = 40;
const marginPx = 20;
/** ` 123.4 s`, and the gap after it. */
const timeCells = 7;
const gapCells = 2;
/** A guest's name and its longest verdict, with a time of eight digits: 15 and 106. */
export const lineCells = 121;
export const widthPx = Math.ceil(2 * marginPx + (timeCells + gapCells + lineCells) * cellPx);
export const timeEndX = marginPx + timeCells * cellPx;
export const lineX = timeEndX + gapCells * cellPx;

/** Red is client 0, the receiver; green is client 1, the sender (make/launch/console.ts). */
const colours = ['#ff7b72', '#7ee787', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd'] as const;
const borderColour = '#3a424d';

export const classOfGuest = (guest: number): string => `c${guest % colours.length}`;

export const style = [
  '<style>',
  `text{font:${fontPx}px ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono','DejaVu Sans Mono',monospace;white-space:pre;direction:ltr;unicode-bidi:bidi-override}`,
  '.title{fill:#c9d1d9;text-anchor:middle}',
  '.time{fill:#6e7681;text-anchor:end}',
  '.gap{fill:#6e7681;font-style:italic}',
  '.system{fill:#848d97}',
  '.stage{fill:#c9d1d9}',
  '.name{font-weight:bold}',
  '.aside{opacity:.75}',
  '.verdict{fill:#fff;font-weight:bold}',
  ...colours.map((colour, index) => `.c${index}{fill:${colour}}`),
  '</style>',
].join('\n');

export function renderWindow(heightPx: number): string[] {
  return [
    `<rect x=".5" y=".5" width="${widthPx - 1}" height="${heightPx - 1}" rx="8" fill="#12161c" stroke="${borderColour}"/>`,
    `<path d="M.5 ${barPx}v${8.5 - barPx}a8 8 0 0 1 8 -8h${widthPx - 17}a8 8 0 0 1 8 8v${barPx - 8.5}z" fill="#1f252d" stroke="${borderColour}"/>`,
    ...['#ff5f57', '#febc2e', '#28c840'].map(
      (colour, i) => `<circle cx="${marginPx + 4 + i * 20}" cy="${barPx / 2}" r="6" fill="${colour}"/>`,
    ),
  ];
}

/** The title in the middle of the bar, and at its right end who has which colour. In a crowd the names must do. */
export function renderBar(title: string, guests: readonly PictureGuest[]): string[] {
  const entries = guests.flatMap(({ role }, index) => (role === undefined ? [] : [{ role, index }]));
  const parts: string[] = [];
  let x = widthPx - marginPx;
  for (const { role, index } of entries.length > 4 ? [] : entries.toReversed()) {
    const text = fitCells(role, 10);
    x -= text.cells * cellPx;
    parts.push(
      `<circle class="${classOfGuest(index)}" cx="${fixed(x - 10)}" cy="${barPx / 2}" r="4"/>`,
      textAt(classOfGuest(index), x, barPx / 2 + 4, text),
    );
    x -= 32;
  }
  const titleCells = Math.floor((2 * (x - widthPx / 2)) / cellPx);
  return [textAt('title', widthPx / 2, barPx / 2 + 4, fitCells(title, Math.min(titleCells, 90))), ...parts];
}

/** At the window's lower end, which is at `endY`. */
export function renderBand(rows: readonly CellText[], endY: number, isGood: boolean): string[] {
  const y = endY - bandPx(rows.length);
  const sides = `v${bandPx(rows.length) - 8.5}a8 8 0 0 1 -8 8h${17 - widthPx}a8 8 0 0 1 -8 -8z`;
  const [fill, colour, mark] = isGood
    ? ['#15261b', colours[1], 'm-9 0l5 5l9 -10']
    : ['#2c1719', colours[0], 'm-6 -6l12 12m0 -12l-12 12'];
  return [
    `<path d="M.5 ${y}h${widthPx - 1}${sides}" fill="${fill}" stroke="${borderColour}"/>`,
    `<path d="${mark}" transform="translate(${fixed(timeEndX - 6)} ${y + 20.5})" fill="none" stroke="${colour}" stroke-width="2.5"/>`,
    ...rows.map((text, index) => textAt('verdict', lineX, y + 25 + index * rowPx, text)),
  ];
}

export const bandPx = (rows: number): number => rows * rowPx + 21;

export function textAt(classes: string, x: number, y: number, { text, cells }: CellText): string {
  const lengthPx = fixed(cells * cellPx);
  return `<text class="${classes}" x="${fixed(x)}" y="${y}" textLength="${lengthPx}">${escapeXml(text)}</text>`;
}

/** A tenth of a pixel, without the noise of binary fractions. */
export const fixed = (px: number): string => String(Math.round(px * 10) / 10);
