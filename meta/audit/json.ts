// SPDX-License-Identifier: BSD-2-Clause
// Reads JSON that somebody else wrote and that is about authority: integers keep all of their 64 bits (a badge of Microkit
// is 2^63 and more, which JSON.parse rounds), a name that stands twice in an object is an error (readers disagree on which
// one counts), depth and length are bounded, and `__proto__` is no name.

import { refuse } from '../diagnostic.ts';
import { auditLimits } from './limits.ts';

export type JsonValue =
  | null
  | boolean
  | string
  | number
  | bigint
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** `file` is for messages. Integers of more than 15 digits are bigints; there are no other numbers than integers. Refuses AUD101. */
export function parseJson(text: string, file: string): JsonValue {
  let at = 0;
  let depth = 0;

  const fail = (what: string): never => {
    const before = text.slice(0, at);
    const line = before.split('\n').length;
    return refuse('AUD101', `'${file}' is no JSON that can be audited: ${what}`, {
      place: { file, line, column: at - before.lastIndexOf('\n') },
      hint: "let the Microkit tool write it: 'microkit … --capdl-json FILE'",
    });
  };

  const skipBlanks = (): void => {
    for (;;) {
      const code = text.charCodeAt(at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      at += 1;
    }
  };

  const shown = (): string => (at >= text.length ? 'the end of the file' : JSON.stringify(text[at]));

  const expect = (code: number): void => {
    if (text.charCodeAt(at) !== code) fail(`${shown()} stands where '${String.fromCharCode(code)}' should`);
    at += 1;
  };

  const readString = (): string => {
    const start = at;
    let isEscaped = false;
    expect(0x22);
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === 0x22) break;
      if (Number.isNaN(code) || code < 0x20) fail('a string has no end');
      if (code === 0x5c) isEscaped = true;
      at += code === 0x5c ? 2 : 1;
    }
    at += 1;
    if (at - start > auditLimits.stringChars)
      fail(`a string of more than ${auditLimits.stringChars} characters`);
    const raw = text.slice(start, at);
    if (!isEscaped) return raw.slice(1, -1);
    try {
      return JSON.parse(raw) as string;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return fail('a string has a wrong escape');
    }
  };

  const readInteger = (): number | bigint => {
    const start = at;
    if (text.charCodeAt(at) === 0x2d) at += 1;
    const first = at;
    let number = 0;
    for (let code = text.charCodeAt(at); isDigit(code); code = text.charCodeAt(at)) {
      number = number * 10 + code - 0x30;
      at += 1;
    }
    const digits = at - first;
    if (digits === 0) fail(`${shown()} is no value`);
    if (digits > 1 && text[first] === '0') fail('a number begins with 0');
    if (digits > auditLimits.digits) fail(`a number of ${digits} digits`);
    if (/[.eE]/.test(text[at] ?? '')) fail('a number is no integer');
    if (digits > exactDigits) return BigInt(text.slice(start, at));
    return first === start ? number : -number;
  };

  const readWord = (): boolean | null => {
    for (const [word, value] of words)
      if (text.startsWith(word, at)) {
        at += word.length;
        return value;
      }
    return fail(`${shown()} is no value`);
  };

  const readList = (): JsonValue[] => {
    const items: JsonValue[] = [];
    expect(0x5b);
    skipBlanks();
    if (text.charCodeAt(at) === 0x5d) {
      at += 1;
      return items;
    }
    for (;;) {
      items.push(readValue());
      skipBlanks();
      if (text.charCodeAt(at) === 0x5d) break;
      expect(0x2c);
    }
    at += 1;
    return items;
  };

  const readObject = (): { [name: string]: JsonValue } => {
    const object: { [name: string]: JsonValue } = {};
    expect(0x7b);
    skipBlanks();
    if (text.charCodeAt(at) === 0x7d) {
      at += 1;
      return object;
    }
    for (;;) {
      skipBlanks();
      const name = readString();
      if (name === '__proto__') fail("a name is '__proto__'");
      if (Object.hasOwn(object, name)) fail(`'${name.slice(0, 40)}' stands twice in one object`);
      skipBlanks();
      expect(0x3a);
      object[name] = readValue();
      skipBlanks();
      if (text.charCodeAt(at) === 0x7d) break;
      expect(0x2c);
    }
    at += 1;
    return object;
  };

  function readValue(): JsonValue {
    skipBlanks();
    const code = text.charCodeAt(at);
    if (code === 0x22) return readString();
    if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > auditLimits.depth) fail(`it is nested more than ${auditLimits.depth} deep`);
      const value = code === 0x7b ? readObject() : readList();
      depth -= 1;
      return value;
    }
    return code === 0x2d || isDigit(code) ? readInteger() : readWord();
  }

  const value = readValue();
  skipBlanks();
  if (at < text.length) fail(`${shown()} follows its end`);
  return value;
}

const words: readonly (readonly [string, boolean | null])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

/** Every number of so many is below 2^53. */
const exactDigits = 15;

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
