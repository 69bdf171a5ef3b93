// SPDX-License-Identifier: BSD-2-Clause
// Pages of a program whose file was not given. The image still says from which segment of which program each is filled,
// so what can be demanded is: the program is this protection domain's, no other address space has the page, all pages of a
// segment lie where one load puts them and have one set of rights, and none in between lacks. That a segment's last page or
// its rights are the file's cannot be seen.

import { hex } from '../units.ts';
import type { Because } from './because.ts';
import type { Cap } from './capdl.ts';
import type { Matcher } from './match.ts';
import { sizes } from './microkit.ts';

interface Segment {
  /** Address of its first byte. */
  readonly start: bigint;
  readonly rights: string;
  readonly because: Because;
  /** Half-open ranges of its bytes, in the order in which they were met. */
  readonly parts: { readonly from: bigint; readonly end: bigint }[];
}

export class UnknownProgram {
  readonly #matcher: Matcher;
  readonly #elf: number;
  readonly #because: Because;
  readonly #segments = new Map<number, Segment>();

  constructor(matcher: Matcher, { elf, because }: { readonly elf: number; readonly because: Because }) {
    this.#matcher = matcher;
    this.#elf = elf;
    this.#because = because;
  }

  /** The reason if the page may be the program's at this address. */
  explain(cap: Cap, address: bigint, shift: bigint | undefined): Because | undefined {
    const { attributes, fill } = this.#matcher.object(cap.object);
    const [entry, ...more] = fill;
    if (entry === undefined || more.length > 0 || entry.content.kind !== 'elf') return undefined;
    const { elf, segment: number, from } = entry.content;
    const isPlain =
      attributes['sizeBits'] === BigInt(sizes.pageBits) &&
      attributes['paddr'] === undefined &&
      shift === BigInt(sizes.pageBits) &&
      cap.attributes['cached'] === true &&
      /^r?w?$/.test(String(cap.attributes['rights'])) &&
      entry.end <= sizes.pageBytes;
    if (!isPlain || elf !== this.#elf) return undefined;
    const rights = `${String(cap.attributes['rights'])}${cap.attributes['executable'] === true ? 'x' : ''}`;
    const start = address + entry.start - from;
    const segment = this.#segments.get(number) ?? {
      start,
      rights,
      because: { ...this.#because, text: `ELF segment ${number} of ${this.#because.text}` },
      parts: [],
    };
    if (segment.start !== start || segment.rights !== rights) return undefined;
    if (!this.#matcher.claim(cap.object, { owner: this.#because.text, because: segment.because }))
      return undefined;
    segment.parts.push({ from, end: from + entry.end - entry.start });
    this.#segments.set(number, segment);
    return segment.because;
  }

  /** Every segment is whole, as far as it goes. */
  finish(): void {
    if (this.#segments.size === 0) this.#report(`it has no page: ${this.#because.text}`, this.#because);
    for (const [number, { parts, because }] of this.#segments) {
      let end = 0n;
      for (const part of parts.toSorted((a, b) => (a.from < b.from ? -1 : 1))) {
        if (part.from !== end)
          this.#report(
            `segment ${number} has no page for its bytes from ${hex(end)}: ${because.text}`,
            because,
          );
        end = part.end;
      }
    }
  }

  #report(message: string, because: Because): void {
    this.#matcher.report('AUD206', message, because, 'build the image from this description');
  }
}
