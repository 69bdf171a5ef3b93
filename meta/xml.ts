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
import { SyntaxFault, XmlCursor } from './xml-cursor.ts';
import { declaration, mark, plainTag, slashGroup } from './xml-grammar.ts';

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

/**
 * With `visit`, each child of the root is handed over when it has been read, and is not kept: there may be a hundred
 * thousand. The root that it gets has no end yet.
 */
export function parseXml(
  text: string,
  file: string,
  visit?: (child: XmlElement, document: XmlDocument) => void,
): XmlDocument | XmlFault {
  const placeOf = placesIn(text, file);
  try {
    const root = new Scanner(text, visit && ((child, of) => visit(child, { root: of, placeOf }))).document();
    return { root, placeOf };
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error;
    return { fault: error.message, place: placeOf(error.offset) };
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

class Scanner extends XmlCursor {
  readonly #open: OpenElement[] = [];
  readonly #visit: ((child: XmlElement, root: XmlElement) => void) | undefined;
  /** Namespace prefixes, and how many of the open elements declare each. */
  readonly #prefixes = new Map<string, number>();
  #root: XmlElement | undefined;

  constructor(text: string, visit?: (child: XmlElement, root: XmlElement) => void) {
    super(text);
    this.#visit = visit;
  }

  document(): XmlElement {
    if (this.text.startsWith('\ufeff')) this.at = 1;
    if (/^<\?xml[\t\n\r ]/.test(this.text.slice(this.at, this.at + 6))) {
      declaration.lastIndex = this.at;
      if (!declaration.test(this.text)) this.fail('the XML declaration is malformed');
      this.at = declaration.lastIndex;
    }
    while (this.at < this.text.length) this.#markup();
    const unclosed = this.#open.at(-1);
    if (unclosed !== undefined)
      this.fail(`'${unclosed.qualifiedName}' is never closed`, unclosed.element.start);
    return this.#root ?? this.fail('the document does not have a root node');
  }

  /** Takes one piece: text, a tag, a comment, CDATA or a processing instruction. Each is at least one character. */
  #markup(): void {
    const text = this.text;
    this.blanks();
    if (text.charCodeAt(this.at) !== mark.less) {
      if (this.at < text.length) this.#characters();
      return;
    }
    const next = text.charCodeAt(this.at + 1);
    if (next === mark.slash) this.#close();
    else if (next === mark.exclamation) this.#declared();
    else if (next === mark.question) this.#instruction();
    else if (!this.#plainElement()) this.#element();
  }

  /** Takes a tag of the common form; whether it was one. Anything that is wrong is for the other to say. */
  #plainElement(): boolean {
    plainTag.lastIndex = this.at;
    const match = plainTag.exec(this.text);
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
      start: this.at,
      textAt: undefined,
    };
    this.at = plainTag.lastIndex;
    if (match[slashGroup] === '')
      this.#open.push({ element, children: [], qualifiedName: name, prefixes: none });
    else this.#complete(element);
    return true;
  }

  #instruction(): void {
    if (/^<\?xml[\t\n\r ?]/i.test(this.text.slice(this.at, this.at + 6)))
      this.fail('an XML declaration stands elsewhere than at the very start');
    this.at += 2;
    this.name('a processing instruction has no name');
    this.skip('?>', 'a processing instruction', 0);
  }

  #declared(): void {
    const start = this.at;
    if (this.text.startsWith('<!--', start)) {
      this.skip('-->', 'a comment', 4);
      const dashes = this.text.indexOf('--', start + 4);
      if (dashes < this.at - 3) this.fail("'--' stands inside a comment", dashes);
    } else if (this.text.startsWith('<![CDATA[', start)) {
      const parent = this.#open.at(-1) ?? this.fail('CDATA stands outside of the root element');
      this.skip(']]>', 'CDATA', 9);
      if (this.text.slice(start + 9, this.at - 3).trim() !== '') parent.element.textAt ??= start;
    } else if (this.text.startsWith('<!DOCTYPE', start)) this.fail('XML with DTD detected');
    else this.fail("'<!' starts neither a comment nor CDATA");
  }

  /** Up to the next tag; the first one is not blank. */
  #characters(): void {
    const first = this.at;
    const next = this.text.indexOf('<', first);
    const end = next === -1 ? this.text.length : next;
    const parent = this.#open.at(-1) ?? this.fail('text stands outside of the root element');
    this.checkCharacters(first, end);
    const content = this.text.slice(first, end);
    const cdataEnd = content.indexOf(']]>');
    if (cdataEnd !== -1) this.fail("']]>' stands in text", first + cdataEnd);
    this.decode(content, first);
    parent.element.textAt ??= first;
    this.at = end;
  }

  /** Takes a tag of any form. */
  #element(): void {
    const start = this.at;
    this.at += 1;
    const qualifiedName = this.name("'<' starts no tag");
    const { attributes, prefixes } = this.#readAttributes();
    const isEmpty = this.text.charCodeAt(this.at) === mark.slash;
    if (this.text.charCodeAt(this.at + (isEmpty ? 1 : 0)) !== mark.greater)
      this.fail(`the tag of '${qualifiedName}' is malformed`);
    this.at += isEmpty ? 2 : 1;
    this.#declare(prefixes, 1);
    for (let i = 0; i < attributes.length; i += 2) this.#localName(attributes[i] ?? '', start);
    const name = this.#localName(qualifiedName, start);
    const parent = this.#open.at(-1);
    if (parent === undefined && this.#root !== undefined)
      this.fail(`'${qualifiedName}' is a second root element`, start);
    const element: MutableElement = { name, attributes, children: noElements, start, textAt: undefined };
    if (parent === undefined) this.#root = element;
    if (isEmpty) return this.#complete(element, prefixes);
    if (this.#open.length >= xmlLimits.depth)
      this.fail(`elements are nested deeper than ${xmlLimits.depth}`, start);
    this.#open.push({ element, children: [], qualifiedName, prefixes });
  }

  /** Up to the end of the tag; `prefixes` are those that it declares. */
  #readAttributes(): { readonly attributes: readonly string[]; readonly prefixes: readonly string[] } {
    const attributes: string[] = [];
    const prefixes: string[] = [];
    for (;;) {
      const isSeparated = this.blanks();
      const code = this.text.charCodeAt(this.at);
      if (code === mark.slash || code === mark.greater || this.at >= this.text.length)
        return { attributes, prefixes };
      const start = this.at;
      if (!isSeparated) this.fail('a blank is missing between attributes');
      const name = this.name('an attribute has no name');
      const value = this.value(name);
      if (name.startsWith('xmlns:')) prefixes.push(name.slice(6));
      else if (name !== 'xmlns') this.#add(attributes, name, value, start);
    }
  }

  #add(attributes: string[], name: string, value: string, start: number): void {
    for (let other = 0; other < attributes.length; other += 2)
      if (attributes[other] === name) this.fail(`attribute '${name}' is already defined`, start);
    if (attributes.length >= 2 * xmlLimits.attributes)
      this.fail(`an element has more than ${xmlLimits.attributes} attributes`, start);
    attributes.push(name, value);
  }

  /** A prefix must have been declared by an open element or by its own. */
  #localName(name: string, start: number): string {
    const colon = name.indexOf(':');
    if (colon === -1) return name;
    const prefix = name.slice(0, colon);
    if (prefix !== 'xml' && (this.#prefixes.get(prefix) ?? 0) === 0)
      this.fail(`an unknown namespace prefix '${prefix}'`, start);
    return name.slice(colon + 1);
  }

  #declare(prefixes: readonly string[], by: 1 | -1): void {
    for (const prefix of prefixes) this.#prefixes.set(prefix, (this.#prefixes.get(prefix) ?? 0) + by);
  }

  #close(): void {
    const start = this.at;
    const open = this.#open.pop();
    const end = start + 2 + (open?.qualifiedName.length ?? 0);
    if (
      open !== undefined &&
      this.text.charCodeAt(end) === mark.greater &&
      this.text.startsWith(open.qualifiedName, start + 2)
    )
      this.at = end + 1;
    else this.#closingTag(open?.qualifiedName);
    if (open === undefined) return;
    open.element.children = open.children;
    this.#complete(open.element, open.prefixes);
  }

  #complete(element: XmlElement, prefixes: readonly string[] = none): void {
    this.#declare(prefixes, -1);
    const parent = this.#open.at(-1);
    if (parent === undefined) return;
    if (this.#visit !== undefined && this.#open.length === 1) this.#visit(element, parent.element);
    else parent.children.push(element);
  }

  /** One with blanks, or a wrong one. */
  #closingTag(expected: string | undefined): void {
    const start = this.at;
    this.at += 2;
    const name = this.name('a closing tag has no name');
    this.blanks();
    if (this.text.charCodeAt(this.at) !== mark.greater)
      this.fail(`the closing tag of '${name}' is malformed`);
    this.at += 1;
    if (expected === undefined) this.fail(`'${name}' is closed, but never opened`, start);
    if (expected !== name) this.fail(`expected '${expected}' tag, not '${name}'`, start);
  }
}
