// SPDX-License-Identifier: BSD-2-Clause
// Values as TypeScript text. A string of any content becomes one literal that says the same and ends where it should.

import { hex } from '../units.ts';

/** Fields of an object literal, in order; undefined ones are left out. */
export type Fields = readonly (readonly [name: string, text: string | undefined])[];

export const stringLiteral = (text: string): string => `'${text.replaceAll(unsafe, escapeUnit)}'`;

/** By code units, so that half a surrogate pair is kept as it is. Letters and symbols that can be seen stay. */
const unsafe = /['\\]|[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

const named: Readonly<Record<string, string>> = {
  "'": "\\'",
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

const escapeUnit = (char: string): string => named[char] ?? `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;

export const stringOr = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : stringLiteral(text);

export const bigHex = (value: bigint | undefined): string | undefined =>
  value === undefined ? undefined : `${hex(value)}n`;

export const plain = (value: number | boolean | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

/** Widest line of the generated text. */
const lineChars = 110;

/** A statement `head{ fields }tail` at `indent`, on one line if it fits, else a field on each. */
export function callWithObject(head: string, fields: Fields, tail: string, indent: string): string[] {
  const given = fields.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]));
  const items = given.map(([name, text]) => (name === text ? name : `${name}: ${text}`));
  const line = `${indent}${head}{ ${items.join(', ')} }${tail}`;
  if (line.length <= lineChars) return [line];
  return [`${indent}${head}{`, ...items.map((item) => `${indent}  ${item},`), `${indent}}${tail}`];
}

export const objectLiteral = (fields: Fields): string =>
  `{ ${fields
    .flatMap(([name, text]) => (text === undefined ? [] : [name === text ? name : `${name}: ${text}`]))
    .join(', ')} }`;
