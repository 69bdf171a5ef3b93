// SPDX-License-Identifier: BSD-2-Clause
// Text as a terminal's cells, for a picture: what a guest prints is made harmless, measured and cut.
//
// Gone are control characters and all that is invisible (Unicode's Cf: directions and their overrides, joiners, marks of
// byte order): they could make a line look like another one. What XML cannot hold, or no font has (lone surrogates,
// noncharacters, private use), becomes U+FFFD. A letter keeps one combining mark; a tower of them would stand in the
// lines above.

export interface CellText {
  readonly text: string;
  /** Its width; a wide (East Asian) character takes two. */
  readonly cells: number;
}

/** As much of `text` as fits, with an ellipsis for the rest. Reads no more of a long text than it must. */
export function fitCells(text: string, cells: number): CellText {
  const glyphs = readGlyphs(text, cells + 1);
  let used = widthOf(glyphs);
  if (used <= cells) return { text: joined(glyphs), cells: used };
  while (used + 1 > cells && glyphs.length > 0) used -= glyphs.pop()?.cells ?? 0;
  return { text: `${joined(glyphs)}…`, cells: used + 1 };
}

/** `text` over at most `rows` rows of `cells`, broken at blanks where there are any; the last has an ellipsis. */
export function wrapCells(text: string, cells: number, rows: number): readonly CellText[] {
  const wrapped: CellText[] = [];
  let rest = readGlyphs(text, cells * rows + 1);
  while (wrapped.length < rows - 1 && widthOf(rest) > cells) {
    let end = rest.length;
    while (widthOf(rest.slice(0, end)) > cells) end -= 1;
    const blank = rest.slice(0, end + 1).findLastIndex((glyph) => glyph.text === ' ');
    if (blank > cells / 2) end = blank;
    wrapped.push(fitCells(joined(rest.slice(0, end)), cells));
    rest = rest.slice(rest[end]?.text === ' ' ? end + 1 : end);
  }
  return [...wrapped, fitCells(joined(rest), cells)];
}

/** For an XML text or attribute. */
export const escapeXml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

const tabCells = 8;
/** Characters without a width of their own could go on for ever. */
const maxReadPerCell = 8;

const invisible = /[\p{Cc}\p{Cf}]/u;
const unprintable = /[\p{Cs}\p{Co}\p{Noncharacter_Code_Point}]/u;
const lineBreak = /[\u2028\u2029]/;
const mark = /\p{M}/u;
/** Unicode's East_Asian_Width W and F, in blocks. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

/** The glyphs of `text` until they fill `cells`. */
function readGlyphs(text: string, cells: number): CellText[] {
  const glyphs: CellText[] = [];
  let used = 0;
  let read = 0;
  let mayMark = false;
  for (const character of text) {
    read += 1;
    if (used >= cells) break;
    if (read > cells * maxReadPerCell) return [...glyphs, { text: '…', cells: 1 }];
    if (character === '\t') {
      const blanks = tabCells - (used % tabCells);
      for (let i = 0; i < blanks; i += 1) glyphs.push({ text: ' ', cells: 1 });
      used += blanks;
      mayMark = false;
    } else if (mark.test(character)) {
      const base = glyphs.at(-1);
      if (mayMark && base !== undefined) glyphs[glyphs.length - 1] = { ...base, text: base.text + character };
      mayMark = false;
    } else if (!invisible.test(character)) {
      const glyph = glyphOf(character);
      glyphs.push(glyph);
      used += glyph.cells;
      mayMark = true;
    }
  }
  return glyphs;
}

function glyphOf(character: string): CellText {
  if (unprintable.test(character)) return { text: '\ufffd', cells: 1 };
  if (lineBreak.test(character)) return { text: ' ', cells: 1 };
  return { text: character, cells: wide.test(character) ? 2 : 1 };
}

const widthOf = (glyphs: readonly CellText[]): number => glyphs.reduce((sum, { cells }) => sum + cells, 0);
const joined = (glyphs: readonly CellText[]): string => glyphs.map(({ text }) => text).join('');
