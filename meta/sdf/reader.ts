// SPDX-License-Identifier: BSD-2-Clause
// Reads attributes of SDF elements, in the Microkit tool's own words where they are not what they should be. What can be
// read but breaks a rule is not said here: check/ judges the description.

import type { Diagnostic, Place } from '../diagnostic.ts';
import { didYouMean, errorFinding, warningFinding } from '../finding.ts';
import { xmlLimits } from '../limits.ts';
import type { XmlDocument, XmlElement } from '../xml.ts';

/** A value of the model while it is being read. */
export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export class SdfReader {
  readonly #findings: Diagnostic[] = [];
  readonly #document: XmlDocument;
  #dropped = 0;
  #suggestions = 20;

  constructor(document: XmlDocument) {
    this.#document = document;
  }

  /** What was found; beyond a limit only how many. */
  get findings(): readonly Diagnostic[] {
    if (this.#dropped === 0) return this.#findings;
    const hint = 'mend these first';
    return [
      ...this.#findings,
      errorFinding('SDF716', `${this.#dropped} findings more of the same file`, { hint }),
    ];
  }

  placeOf(element: XmlElement): Place {
    return this.#document.placeOf(element.start);
  }

  /** `message` as the tool begins it; `on element '…'` is added. */
  error(code: string, message: string, element: XmlElement, hint: string): void {
    this.#add(
      errorFinding(code, `${message} on element '${element.name}'`, { hint, place: this.placeOf(element) }),
    );
  }

  /** For the tool's messages of another form. */
  say(code: string, message: string, element: XmlElement, hint: string): void {
    this.#add(errorFinding(code, message, { hint, place: this.placeOf(element) }));
  }

  sayAt(code: string, message: string, offset: number, hint: string): void {
    this.#add(errorFinding(code, message, { hint, place: this.#document.placeOf(offset) }));
  }

  sayAtPlace(code: string, message: string, place: Place | undefined, hint: string): void {
    this.#add(errorFinding(code, message, { hint, place }));
  }

  /** What the tool ignores in silence. */
  warn(code: string, message: string, element: XmlElement, hint: string, at = element.start): void {
    this.#add(warningFinding(code, message, { hint, place: this.#document.placeOf(at) }));
  }

  /** Reports attributes that the element does not have. */
  allow(element: XmlElement, known: readonly string[]): void {
    const { attributes } = element;
    for (let i = 0; i < attributes.length; i += 2) {
      const name = attributes[i] ?? '';
      if (known.includes(name)) continue;
      const local = name.slice(name.indexOf(':') + 1);
      if (local !== name && known.includes(local))
        this.error(
          'SDF719',
          `attribute '${name}' has a namespace, for which the Microkit tool silently ignores it,`,
          element,
          `write ${local}`,
        );
      else this.error('SDF701', `invalid attribute '${local}'`, element, this.suggest(local, known));
    }
  }

  optional(element: XmlElement, name: string): string | undefined {
    const { attributes } = element;
    let at = attributes.indexOf(name);
    // A value may be the same word.
    while (at % 2 === 1) at = attributes.indexOf(name, at + 1);
    return at === -1 ? undefined : attributes[at + 1];
  }

  required(element: XmlElement, name: string): string | undefined {
    const value = this.optional(element, name);
    if (value === undefined)
      this.error('SDF702', `Missing required attribute '${name}'`, element, `add ${name}="…"`);
    return value;
  }

  /** Decimal, or hexadecimal behind `0x`, with `_` anywhere; an unsigned number of 64 bits. */
  number(element: XmlElement, name: string): bigint | undefined {
    const text = this.optional(element, name);
    return text === undefined ? undefined : this.parseNumber(element, text);
  }

  requiredNumber(element: XmlElement, name: string): bigint | undefined {
    const text = this.required(element, name);
    return text === undefined ? undefined : this.parseNumber(element, text);
  }

  parseNumber(element: XmlElement, text: string): bigint | undefined {
    if (plainNumber.test(text)) return BigInt(text);
    const digits = text.replaceAll('_', '');
    const isHex = digits.startsWith('0x');
    const unsigned = (isHex ? digits.slice(2) : digits).replace(/^\+(?=.)/, '');
    const wrong = wrongNumber(unsigned, isHex ? /^[0-9a-fA-F]+$/ : /^[0-9]+$/);
    const value = wrong === undefined ? BigInt(isHex ? `0x${unsigned}` : unsigned) : undefined;
    if (value !== undefined && value < 1n << 64n) return value;
    this.say(
      'SDF703',
      `failed to parse integer '${abbreviate(text)}' on element '${element.name}': ${wrong ?? tooLarge}`,
      element,
      'write it as 4096, 4_096 or 0x1000',
    );
    return undefined;
  }

  /** What the tool takes in plain decimal only, of 64 bits with or without a sign: anything else makes it panic. */
  decimal(element: XmlElement, name: string, kind: 'i64' | 'u64' = 'i64'): number | undefined {
    const text = this.optional(element, name);
    if (text === undefined) return undefined;
    if (plainId.test(text)) return Number(text);
    if (/^[+-]?[0-9]{1,20}$/.test(text) && isWithin(BigInt(text.replace('+', '')), kind)) return Number(text);
    this.error(
      'SDF704',
      `'${abbreviate(text)}' of attribute '${name}' is no decimal number, at which the Microkit tool panics,`,
      element,
      'write plain decimal digits: no 0x, no _, no blanks',
    );
    return undefined;
  }

  requiredDecimal(element: XmlElement, name: string, kind: 'i64' | 'u64' = 'i64'): number | undefined {
    return this.required(element, name) === undefined ? undefined : this.decimal(element, name, kind);
  }

  bool(element: XmlElement, name: string): boolean | undefined {
    const text = this.optional(element, name);
    if (text === undefined || text === 'true' || text === 'false')
      return text === undefined ? undefined : text === 'true';
    this.error(
      'SDF705',
      `${name} must be 'true' or 'false'`,
      element,
      `write true or false, not '${abbreviate(text)}'`,
    );
    return undefined;
  }

  /** One of a few words; `words` is how the tool says so. */
  choice<Word extends string>(
    element: XmlElement,
    name: string,
    known: readonly Word[],
    words: (text: string) => string,
  ): Word | undefined {
    const text = this.optional(element, name);
    if (text === undefined) return undefined;
    const word = known.find((candidate) => candidate === text);
    if (word === undefined) this.error('SDF706', words(abbreviate(text)), element, this.suggest(text, known));
    return word;
  }

  /** What `wanted` may have meant; a file of misspellings gets no more than a few. */
  suggest(wanted: string, known: readonly string[]): string {
    this.#suggestions -= 1;
    return this.#suggestions >= 0 ? didYouMean(wanted, known) : `use one of ${known.join(', ')}`;
  }

  #add(finding: Diagnostic): void {
    if (this.#findings.length < xmlLimits.findings) this.#findings.push(finding);
    else this.#dropped += 1;
  }

  /** The tool never looks below these. */
  leaf(element: XmlElement): void {
    const [child] = element.children;
    if (child !== undefined)
      this.warn(
        'SDF711',
        `element '${child.name}' inside of '${element.name}' is ignored by the Microkit tool`,
        child,
        'take it out',
      );
    this.noText(element);
  }

  noText(element: XmlElement): void {
    if (element.textAt !== undefined)
      this.warn(
        'SDF710',
        `text inside of element '${element.name}' is ignored by the Microkit tool`,
        element,
        'take it out, or make it a comment',
        element.textAt,
      );
  }
}

/** What nearly all are, and needs no care. */
const plainNumber = /^(?:0x[0-9a-fA-F]{1,16}|[0-9]{1,19})$/;
const plainId = /^[0-9]{1,9}$/;

const wrongNumber = (digits: string, valid: RegExp): string | undefined => {
  if (digits === '') return 'cannot parse integer from empty string';
  if (!valid.test(digits)) return 'invalid digit found in string';
  return digits.replace(/^0+/, '').length > 20 ? tooLarge : undefined;
};

const tooLarge = 'number too large to fit in target type';

const isWithin = (value: bigint, kind: 'i64' | 'u64'): boolean =>
  kind === 'u64' ? value >= 0n && value < 1n << 64n : value >= -(1n << 63n) && value < 1n << 63n;

/** A message must stay a line that can be read. */
export const abbreviate = (text: string): string => (text.length > 80 ? `${text.slice(0, 79)}…` : text);
