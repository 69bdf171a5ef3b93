// SPDX-License-Identifier: BSD-2-Clause
// A place in an XML text, and what is read there one after the other: names, blanks, values, references.

import { blanksInText, entities, fromCode, isBlank, mark, nameInText, reference } from './xml-grammar.ts';

/** The first fault; parseXml catches it. */
export class SyntaxFault extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

export class XmlCursor {
  protected readonly text: string;
  protected at = 0;

  constructor(text: string) {
    this.text = text;
  }

  protected skip(end: string, what: string, headLength: number): void {
    const from = this.at + headLength;
    const found = this.text.indexOf(end, from);
    if (found === -1) this.fail(`${what} never ends`);
    this.checkCharacters(from, found);
    this.at = found + end.length;
  }

  protected value(name: string): string {
    this.blanks();
    if (this.text.charCodeAt(this.at) !== mark.equals) this.fail(`attribute '${name}' has no value`);
    this.at += 1;
    this.blanks();
    const quote = this.text.charAt(this.at);
    if (quote !== '"' && quote !== "'") this.fail(`the value of attribute '${name}' is not quoted`);
    const start = this.at + 1;
    const end = this.text.indexOf(quote, start);
    if (end === -1) this.fail(`the value of attribute '${name}' never ends`);
    this.at = end + 1;
    const raw = this.text.slice(start, end);
    this.checkCharacters(start, end);
    const tag = raw.indexOf('<');
    if (tag !== -1) this.fail(`'<' stands in the value of attribute '${name}'`, start + tag);
    return this.decode(raw.replace(/\r\n|[\t\n\r]/g, ' '), start);
  }

  protected name(orElse: string): string {
    const start = this.at;
    nameInText.lastIndex = start;
    if (nameInText.test(this.text)) this.at = nameInText.lastIndex;
    const name = this.text.slice(start, this.at);
    if (name === '') this.fail(orElse, start);
    return name;
  }

  /** Goes on to what is not blank; whether there was anything to skip. */
  protected blanks(): boolean {
    const start = this.at;
    blanksInText.lastIndex = start;
    blanksInText.test(this.text);
    this.at = blanksInText.lastIndex;
    return this.at > start;
  }

  /** Replaces references; `offset` is where `raw` starts. */
  protected decode(raw: string, offset: number): string {
    let decoded = '';
    let from = 0;
    for (let at = raw.indexOf('&'); at !== -1; at = raw.indexOf('&', from)) {
      reference.lastIndex = at;
      const found = reference.exec(raw) ?? this.fail('malformed or unknown entity reference', offset + at);
      const [whole, entity, decimal, hexadecimal] = found;
      const code = decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number(decimal);
      const char = entity === undefined ? fromCode(code) : entities[entity];
      if (char === undefined) this.fail(`'${whole}' is no character`, offset + at);
      decoded += raw.slice(from, at) + char;
      from = at + whole.length;
    }
    return from === 0 ? raw : decoded + raw.slice(from);
  }

  protected checkCharacters(start: number, end: number): void {
    for (let at = start; at < end; at += 1) {
      const code = this.text.charCodeAt(at);
      if ((code < 0x20 && !isBlank(code)) || code >= 0xfffe)
        this.fail(`the character U+${code.toString(16).padStart(4, '0')} is not allowed`, at);
    }
  }

  protected fail(message: string, offset = this.at): never {
    throw new SyntaxFault(message, offset);
  }
}
