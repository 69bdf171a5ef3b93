// SPDX-License-Identifier: BSD-2-Clause
// The pieces of XML 1.0 that are patterns and characters, for xml.ts. Patterns are sticky: each looks at one place only.

/** Above ASCII nearly everything may be in a name (production 4). */
export const nameInText =
  /[A-Za-z_:\u00c0-\u00d6\u00d8-\u00f6\u00f8-\ufffd][A-Za-z0-9_:.\u00b7\u00c0-\u00d6\u00d8-\u00f6\u00f8-\ufffd-]*/y;

export const blanksInText = /[\t\n\r ]*/y;

const plainAttribute = `[\\t\\n\\r ]+(?!xmlns=)([a-z_]+)="([ !#-%'-;=-~]*)"`;
const plainAttributes = 8;
/**
 * A start tag or empty tag as nearly all are, which the engine's native code takes apart: its name in group 1, up to eight
 * attributes as pairs from group 2, and the slash at its end.
 */
export const plainTag = new RegExp(
  `<([a-z_]+)${`(?:${plainAttribute}`.repeat(plainAttributes)}${')?'.repeat(plainAttributes)}[\\t\\n\\r ]*(/?)>`,
  'y',
);
export const slashGroup = 2 + 2 * plainAttributes;

const blank = '[\\t\\n\\r ]';
const pseudoAttribute = (name: string, value: string): string =>
  `${blank}+${name}${blank}*=${blank}*(?:"${value}"|'${value}')`;
/** `<?xml … ?>` at the start. */
export const declaration = new RegExp(
  `<\\?xml${pseudoAttribute('version', '[\\w.:-]+')}(?:${pseudoAttribute('encoding', '[\\w.-]+')})?(?:${pseudoAttribute('standalone', '(?:yes|no)')})?${blank}*\\?>`,
  'y',
);

/** Of an entity in group 1, or of a character in decimal or hexadecimal in group 2 or 3. */
export const reference = /&(?:(lt|gt|amp|quot|apos)|#([0-9]{1,9})|#x([0-9a-fA-F]{1,8}));/y;
export const entities: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
};

/** Codes of the characters that markup is made of. */
export const mark = {
  less: 0x3c,
  slash: 0x2f,
  exclamation: 0x21,
  question: 0x3f,
  greater: 0x3e,
  equals: 0x3d,
};

export const isBlank = (code: number): boolean =>
  code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/** The character that a reference names, if XML has it (production 2). */
export function fromCode(code: number): string | undefined {
  const isCharacter =
    (code >= 0x20 ? code < 0xd800 || (code >= 0xe000 && code < 0xfffe) : isBlank(code)) ||
    (code >= 0x1_0000 && code <= 0x10_ffff);
  return isCharacter ? String.fromCodePoint(code) : undefined;
}
