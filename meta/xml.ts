// SPDX-License-Identifier: BSD-2-Clause
// Reads XML into elements that know where they stand. Strict: what is not well-formed is refused at its place, and so
// is a DTD, hence nothing expands and the work is linear in the text. It takes what Microkit's roxmltree takes.
//
// Own code, measured: fast-xml-parser takes four times as long for a description of 388 kB (validate, then parse; in one
// run), lets a second root, a bare '&', '<' in a value and undefined entities pass, and throws at the name 'constructor'.
// test/meta/xml.test.ts holds the two against each other.

import type { Place } from './diagnostic.ts';
import { xmlLimits } from './limits.ts';
import { placesIn } from './text-places.ts';
import {
  blanksInText,
  declaration,
  entities,
  fromCode,
  isBlank,
  mark,
  nameInText,
  plainTag,
  reference,
  slashGroup,
} from './xml-grammar.ts';

export interface XmlElement {
  /** Without a namespace prefix. */
  readonly name: string;
  /**
   * Names, with their prefixes, and values in turns, without those that declare namespaces. One array: there are many
   * elements.
   */
  readonly attributes: readonly string[];
  readonly children: readonly XmlElement[];
  /** Offset of its `<` in the text. */
  readonly start: number;
  /** Offset of the first text directly in it that is not blank. */
  readonly textAt: number | undefined;
}

export interface XmlDocument {
  readonly root: XmlElement;
  /** Line and column, 1-based; a column is a character, not a byte. */
  readonly placeOf: (offset: number) => Place;
}

export interface XmlFault {
  readonly fault: string;
  readonly place: Place;
}

export function parseXml(text: string, file: string): XmlDocument | XmlFault {
  const placeOf = placesIn(text, file);
  try {
    return { root: new Scanner(text).document(), placeOf };
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error;
    return { fault: error.message, place: placeOf(error.offset) };
  }
}

/** Leaves the scanner at the first fault; never leaves this file. */
class SyntaxFault extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

interface MutableElement extends XmlElement {
  children: readonly XmlElement[];
  textAt: number | undefined;
}

/** An element whose end has not been seen. */
interface OpenElement {
  readonly element: MutableElement;
  readonly children: XmlElement[];
  /** As its tags write it. */
  readonly qualifiedName: string;
  /** Namespace prefixes that it declares. */
  readonly prefixes: readonly string[];
}

const none: readonly string[] = [];
const noElements: readonly XmlElement[] = [];

class Scanner {
  readonly #text: string;
  readonly #open: OpenElement[] = [];
  #root: XmlElement | undefined;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): XmlElement {
    if (this.#text.startsWith('\ufeff')) this.#at = 1;
    if (/^<\?xml[\t\n\r ]/.test(this.#text.slice(this.#at, this.#at + 6))) {
      declaration.lastIndex = this.#at;
      if (!declaration.test(this.#text)) this.#fail('the XML declaration is malformed');
      this.#at = declaration.lastIndex;
    }
    while (this.#at < this.#text.length) this.#markup();
    const unclosed = this.#open.at(-1);
    if (unclosed !== undefined)
      this.#fail(`'${unclosed.qualifiedName}' is never closed`, unclosed.element.start);
    return this.#root ?? this.#fail('the document does not have a root node');
  }

  /** Takes one piece: text, a tag, a comment, CDATA or a processing instruction. Each is at least one character. */
  #markup(): void {
    const text = this.#text;
    this.#blanks();
    if (text.charCodeAt(this.#at) !== mark.less) {
      if (this.#at < text.length) this.#characters();
      return;
    }
    const next = text.charCodeAt(this.#at + 1);
    if (next === mark.slash) this.#close();
    else if (next === mark.exclamation) this.#declared();
    else if (next === mark.question) this.#instruction();
    else if (!this.#plainElement()) this.#element();
  }

  /** Takes a tag of the common form; whether it was one. Anything that is wrong is for the other to say. */
  #plainElement(): boolean {
    plainTag.lastIndex = this.#at;
    const match = plainTag.exec(this.#text);
    const parent = this.#open.at(-1);
    if (match === null || parent === undefined || this.#open.length >= xmlLimits.depth) return false;
    let end = 2;
    for (; end < slashGroup && match[end] !== undefined; end += 2)
      for (let other = 2; other < end; other += 2) if (match[other] === match[end]) return false;
    const name = match[1] ?? '';
    const element: MutableElement = {
      name,
      attributes: end === 2 ? none : match.slice(2, end),
      children: noElements,
      start: this.#at,
      textAt: undefined,
    };
    this.#at = plainTag.lastIndex;
    parent.children.push(element);
    if (match[slashGroup] === '')
      this.#open.push({ element, children: [], qualifiedName: name, prefixes: none });
    return true;
  }

  #instruction(): void {
    if (/^<\?xml[\t\n\r ?]/i.test(this.#text.slice(this.#at, this.#at + 6)))
      this.#fail('an XML declaration stands elsewhere than at the very start');
    this.#at += 2;
    this.#name('a processing instruction has no name');
    this.#skip('?>', 'a processing instruction', 0);
  }

  #declared(): void {
    const start = this.#at;
    if (this.#text.startsWith('<!--', start)) {
      this.#skip('-->', 'a comment', 4);
      const dashes = this.#text.indexOf('--', start + 4);
      if (dashes < this.#at - 3) this.#fail("'--' stands inside a comment", dashes);
    } else if (this.#text.startsWith('<![CDATA[', start)) {
      const parent = this.#open.at(-1) ?? this.#fail('CDATA stands outside of the root element');
      this.#skip(']]>', 'CDATA', 9);
      if (this.#text.slice(start + 9, this.#at - 3).trim() !== '') parent.element.textAt ??= start;
    } else if (this.#text.startsWith('<!DOCTYPE', start)) this.#fail('XML with DTD detected');
    else this.#fail("'<!' starts neither a comment nor CDATA");
  }

  #skip(end: string, what: string, headLength: number): void {
    const from = this.#at + headLength;
    const found = this.#text.indexOf(end, from);
    if (found === -1) this.#fail(`${what} never ends`);
    this.#checkCharacters(from, found);
    this.#at = found + end.length;
  }

  /** Up to the next tag; the first one is not blank. */
  #characters(): void {
    const first = this.#at;
    const next = this.#text.indexOf('<', first);
    const end = next === -1 ? this.#text.length : next;
    const parent = this.#open.at(-1) ?? this.#fail('text stands outside of the root element');
    this.#checkCharacters(first, end);
    const content = this.#text.slice(first, end);
    const cdataEnd = content.indexOf(']]>');
    if (cdataEnd !== -1) this.#fail("']]>' stands in text", first + cdataEnd);
    this.#decode(content, first);
    parent.element.textAt ??= first;
    this.#at = end;
  }

  /** Takes a tag of any form. */
  #element(): void {
    const start = this.#at;
    this.#at += 1;
    const qualifiedName = this.#name("'<' starts no tag");
    const { attributes, prefixes } = this.#readAttributes();
    const isEmpty = this.#text.charCodeAt(this.#at) === mark.slash;
    if (this.#text.charCodeAt(this.#at + (isEmpty ? 1 : 0)) !== mark.greater)
      this.#fail(`the tag of '${qualifiedName}' is malformed`);
    this.#at += isEmpty ? 2 : 1;
    for (let i = 0; i < attributes.length; i += 2) this.#localName(attributes[i] ?? '', prefixes, start);
    const name = this.#localName(qualifiedName, prefixes, start);
    const parent = this.#open.at(-1);
    if (parent === undefined && this.#root !== undefined)
      this.#fail(`'${qualifiedName}' is a second root element`, start);
    const element: MutableElement = { name, attributes, children: noElements, start, textAt: undefined };
    if (parent === undefined) this.#root = element;
    else parent.children.push(element);
    if (isEmpty) return;
    if (this.#open.length >= xmlLimits.depth)
      this.#fail(`elements are nested deeper than ${xmlLimits.depth}`, start);
    this.#open.push({ element, children: [], qualifiedName, prefixes });
  }

  /** Up to the end of the tag; `prefixes` are those that it declares. */
  #readAttributes(): { readonly attributes: readonly string[]; readonly prefixes: readonly string[] } {
    const attributes: string[] = [];
    const prefixes: string[] = [];
    for (;;) {
      const isSeparated = this.#blanks();
      const code = this.#text.charCodeAt(this.#at);
      if (code === mark.slash || code === mark.greater || this.#at >= this.#text.length)
        return { attributes, prefixes };
      const start = this.#at;
      if (!isSeparated) this.#fail('a blank is missing between attributes');
      const name = this.#name('an attribute has no name');
      const value = this.#value(name);
      if (name.startsWith('xmlns:')) prefixes.push(name.slice(6));
      else if (name !== 'xmlns') this.#add(attributes, name, value, start);
    }
  }

  #add(attributes: string[], name: string, value: string, start: number): void {
    for (let other = 0; other < attributes.length; other += 2)
      if (attributes[other] === name) this.#fail(`attribute '${name}' is already defined`, start);
    if (attributes.length >= 2 * xmlLimits.attributes)
      this.#fail(`an element has more than ${xmlLimits.attributes} attributes`, start);
    attributes.push(name, value);
  }

  #value(name: string): string {
    this.#blanks();
    if (this.#text.charCodeAt(this.#at) !== mark.equals) this.#fail(`attribute '${name}' has no value`);
    this.#at += 1;
    this.#blanks();
    const quote = this.#text.charAt(this.#at);
    if (quote !== '"' && quote !== "'") this.#fail(`the value of attribute '${name}' is not quoted`);
    const start = this.#at + 1;
    const end = this.#text.indexOf(quote, start);
    if (end === -1) this.#fail(`the value of attribute '${name}' never ends`);
    this.#at = end + 1;
    const raw = this.#text.slice(start, end);
    this.#checkCharacters(start, end);
    const tag = raw.indexOf('<');
    if (tag !== -1) this.#fail(`'<' stands in the value of attribute '${name}'`, start + tag);
    return this.#decode(raw.replace(/\r\n|[\t\n\r]/g, ' '), start);
  }

  /** A prefix must have been declared by an element around it or by its own. */
  #localName(name: string, prefixes: readonly string[], start: number): string {
    const colon = name.indexOf(':');
    if (colon === -1) return name;
    const prefix = name.slice(0, colon);
    const isKnown =
      prefix === 'xml' ||
      prefixes.includes(prefix) ||
      this.#open.some((open) => open.prefixes.includes(prefix));
    if (!isKnown) this.#fail(`an unknown namespace prefix '${prefix}'`, start);
    return name.slice(colon + 1);
  }

  #close(): void {
    const start = this.#at;
    const open = this.#open.pop();
    const end = start + 2 + (open?.qualifiedName.length ?? 0);
    if (
      open !== undefined &&
      this.#text.charCodeAt(end) === mark.greater &&
      this.#text.startsWith(open.qualifiedName, start + 2)
    )
      this.#at = end + 1;
    else this.#closingTag(open?.qualifiedName);
    if (open !== undefined) open.element.children = open.children;
  }

  /** One with blanks, or a wrong one. */
  #closingTag(expected: string | undefined): void {
    const start = this.#at;
    this.#at += 2;
    const name = this.#name('a closing tag has no name');
    this.#blanks();
    if (this.#text.charCodeAt(this.#at) !== mark.greater)
      this.#fail(`the closing tag of '${name}' is malformed`);
    this.#at += 1;
    if (expected === undefined) this.#fail(`'${name}' is closed, but never opened`, start);
    if (expected !== name) this.#fail(`expected '${expected}' tag, not '${name}'`, start);
  }

  #name(orElse: string): string {
    const start = this.#at;
    nameInText.lastIndex = start;
    if (nameInText.test(this.#text)) this.#at = nameInText.lastIndex;
    const name = this.#text.slice(start, this.#at);
    if (name === '') this.#fail(orElse, start);
    return name;
  }

  /** Goes on to what is not blank; whether there was anything to skip. */
  #blanks(): boolean {
    const start = this.#at;
    blanksInText.lastIndex = start;
    blanksInText.test(this.#text);
    this.#at = blanksInText.lastIndex;
    return this.#at > start;
  }

  /** Replaces references; `offset` is where `raw` starts. */
  #decode(raw: string, offset: number): string {
    let decoded = '';
    let from = 0;
    for (let at = raw.indexOf('&'); at !== -1; at = raw.indexOf('&', from)) {
      reference.lastIndex = at;
      const found = reference.exec(raw) ?? this.#fail('malformed or unknown entity reference', offset + at);
      const [whole, entity, decimal, hexadecimal] = found;
      const code = decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number(decimal);
      const char = entity === undefined ? fromCode(code) : entities[entity];
      if (char === undefined) this.#fail(`'${whole}' is no character`, offset + at);
      decoded += raw.slice(from, at) + char;
      from = at + whole.length;
    }
    return from === 0 ? raw : decoded + raw.slice(from);
  }

  #checkCharacters(start: number, end: number): void {
    for (let at = start; at < end; at += 1) {
      const code = this.#text.charCodeAt(at);
      if ((code < 0x20 && !isBlank(code)) || code >= 0xfffe)
        this.#fail(`the character U+${code.toString(16).padStart(4, '0')} is not allowed`, at);
    }
  }

  #fail(message: string, offset = this.#at): never {
    throw new SyntaxFault(message, offset);
  }
}
