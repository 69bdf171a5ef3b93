// SPDX-License-Identifier: BSD-2-Clause
// Walks the page tables of one address space, from its root down: every table must lead to a page that is explained, every
// page must be the right one of a memory that is wanted there, with the rights of the line that wants it, and nothing that
// is wanted may lack. Depth is the architecture's, and no table is entered twice, so cycles end.

import { hex } from '../units.ts';
import { type Because, because } from './because.ts';
import type { Cap, CapdlObject } from './capdl.ts';
import { describeCap, describeSlot } from './describe.ts';
import type { ExpectedObject, ExpectedRange, ExpectedSpace } from './expected.ts';
import { differences, type Matcher } from './match.ts';
import { ioSpace, sizes, type VspaceShape } from './microkit.ts';
import { UnknownProgram } from './unknown-program.ts';

/** `root` is bound; its attributes have been compared. */
export function walkSpace(matcher: Matcher, root: ExpectedObject, shape: VspaceShape): void {
  const id = matcher.idOf(root);
  if (root.space === undefined || id === undefined) return;
  new Walk(matcher, root.space, shape).run(id);
}

/** Slots of the root that the walk looks after. */
export const isWalked = ({ space }: ExpectedObject): ((slot: number) => boolean) =>
  space === undefined ? () => false : space.kind === 'iospace' ? (slot) => slot === 0 : () => true;

interface Level {
  /** Of the address, below the index of this level. */
  readonly shift: bigint;
  readonly bits: number;
  /** What the object says of itself. */
  readonly number: bigint;
}

interface WantedRange {
  readonly range: ExpectedRange;
  readonly end: bigint;
  /** Indices of the pages that were met. */
  readonly seen: Set<number>;
}

class Walk {
  readonly #matcher: Matcher;
  readonly #space: ExpectedSpace;
  readonly #levels: readonly Level[];
  readonly #ranges: readonly WantedRange[];
  readonly #program: UnknownProgram | undefined;

  constructor(matcher: Matcher, space: ExpectedSpace, shape: VspaceShape) {
    this.#matcher = matcher;
    this.#space = space;
    const bits = space.kind === 'iospace' ? ioSpace.levelBits : shape.levelBits;
    const first = space.kind === 'iospace' ? 0 : shape.rootLevel;
    this.#levels = bits.map((width, i) => ({
      bits: width,
      number: BigInt(first + i),
      shift: BigInt(sizes.pageBits + bits.slice(i + 1).reduce((sum, more) => sum + more, 0)),
    }));
    this.#ranges = space.ranges
      .map((range) => ({ range, end: range.start + range.memory.sizeBytes, seen: new Set<number>() }))
      .toSorted((a, b) => (a.range.start < b.range.start ? -1 : a.range.start > b.range.start ? 1 : 0));
    this.#program =
      space.unknownProgram === undefined ? undefined : new UnknownProgram(matcher, space.unknownProgram);
  }

  run(root: number): void {
    if (this.#space.kind === 'iospace') this.#enterIoSpace(root);
    else this.#walkTable(root, 0, 0n);
    for (const { range, seen } of this.#ranges) this.#checkSeen(range, seen);
    this.#program?.finish();
  }

  #enterIoSpace(root: number): void {
    const object = this.#matcher.object(root);
    for (const [position, { slot, cap }] of object.slots.entries())
      if (slot === 0) this.#walkSlot({ id: root, object, position, slot, cap, level: -1, address: 0n });
  }

  /** Gives the number of pages that were explained. */
  #walkTable(id: number, level: number, base: bigint): number {
    const object = this.#matcher.object(id);
    const { shift = 0n, bits = 0 } = this.#levels[level] ?? {};
    let explained = 0;
    for (const [position, { slot, cap }] of object.slots.entries()) {
      const address = base + (BigInt(slot) << shift);
      if (slot >= 2 ** bits)
        this.#wrongTable(`${describeSlot(object, slot)} lies beyond its ${2 ** bits} slots`);
      else explained += this.#walkSlot({ id, object, position, slot, cap, level, address });
    }
    return explained;
  }

  #walkSlot(at: At): number {
    const { cap } = at;
    const isTable = cap.kind === (this.#space.kind === 'iospace' ? 'IOPageTable' : 'PageTable');
    if (isTable && at.level + 1 < this.#levels.length) return this.#walkDown(at);
    if (cap.kind === 'Frame' && at.level >= 0) return this.#walkPage(at) ? 1 : 0;
    this.#unexplained(at);
    return 0;
  }

  #walkDown(at: At): number {
    const { cap, object, slot, level, address } = at;
    const child = this.#matcher.object(cap.object);
    const text = `page table of ${this.#space.holder} for the pages from ${hex(address)}`;
    const why = because('microkit', text, undefined);
    if (!this.#matcher.claim(cap.object, { owner: this.#space.owner, because: why })) {
      const owner = this.#matcher.reasons[cap.object];
      this.#wrongTable(
        `${describeSlot(object, slot, address)} holds a ${describeCap(cap, this.#matcher.capdl)}, which is ${owner?.because.text} already`,
      );
      return 0;
    }
    const number = this.#levels[level + 1]?.number;
    const wanted =
      this.#space.kind === 'iospace'
        ? { level: number }
        : { ept: this.#space.kind === 'ept', root: false, level: number };
    const wrong = differences(wanted, child.attributes);
    for (const difference of wrong) this.#wrongTable(`'${child.name}' has ${difference}`);
    const explained = this.#walkTable(cap.object, level + 1, address);
    if (explained === 0) {
      this.#unexplained(at);
      return 0;
    }
    if (wrong.length === 0) this.#matcher.explain(at.id, at.position, why);
    return explained;
  }

  #walkPage(at: At): boolean {
    const { cap, object, slot, address, level } = at;
    const found = this.#find(address);
    if (found === undefined) {
      const why = this.#program?.explain(cap, address, this.#levels[level]?.shift);
      if (why === undefined) this.#unexplained(at);
      else this.#matcher.explain(at.id, at.position, why);
      return why !== undefined;
    }
    const { range, seen } = found;
    const pageBits = this.#matcher.frames.pageBits(range.memory) ?? Number(this.#levels[level]?.shift);
    const index = Number((address - range.start) >> BigInt(pageBits));
    const isRightLevel = BigInt(pageBits) === this.#levels[level]?.shift;
    const known = isRightLevel ? this.#matcher.frames.take(range.memory, index, cap.object) : undefined;
    // Also what is wrong is there: it is reported once, as what it is.
    seen.add(index);
    if (known !== cap.object) {
      this.#matcher.report(
        'AUD203',
        `${describeSlot(object, slot, address)} holds a ${describeCap(cap, this.#matcher.capdl)}, not page ${index}: ${range.because.text}`,
        range.because,
        'find out who changed the image',
      );
      return false;
    }
    const { rights, cached, executable } = range;
    const wrong = differences({ rights, cached, executable }, cap.attributes);
    for (const difference of wrong)
      this.#matcher.report(
        'AUD204',
        `${describeSlot(object, slot, address)}, a Frame capability to '${this.#matcher.object(cap.object).name}', has ${difference}: ${range.because.text}`,
        range.because,
        'find out who changed the image',
      );
    if (wrong.length === 0) this.#matcher.explain(at.id, at.position, range.because);
    return wrong.length === 0;
  }

  /** The range that an address lies in; ranges do not overlap (SDF310). */
  #find(address: bigint): WantedRange | undefined {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const start = this.#ranges[middle]?.range.start;
      if (start !== undefined && start <= address) low = middle + 1;
      else high = middle;
    }
    const found = this.#ranges[low - 1];
    return found !== undefined && address < found.end ? found : undefined;
  }

  #checkSeen({ memory, start, because: why }: ExpectedRange, seen: ReadonlySet<number>): void {
    const count = this.#matcher.frames.pageCount(memory);
    if (seen.size >= count) return;
    let first = 0;
    while (seen.has(first)) first += 1;
    const pageBytes = memory.sizeBytes / BigInt(count);
    this.#matcher.report(
      'AUD206',
      `${count - seen.size} of ${count} pages are not mapped in ${this.#space.holder}, the first at ${hex(start + BigInt(first) * pageBytes)}: ${why.text}`,
      why,
      'build the image from this description, or take the line out of it',
    );
  }

  #unexplained({ object, slot, cap, address }: At): void {
    const text = `part of the address space of ${this.#space.holder}`;
    const place = this.#space.ranges.find((range) => range.because.place !== undefined)?.because.place;
    const holder: Because = because('microkit', text, place);
    this.#matcher.unexplained(object, slot, cap, { owner: this.#space.owner, because: holder }, address);
  }

  #wrongTable(what: string): void {
    this.#matcher.report(
      'AUD208',
      `the page tables of ${this.#space.holder} are wrong: ${what}`,
      undefined,
      'find out who changed the image',
    );
  }
}

/** A filled slot of a table, and where it is. */
interface At {
  readonly id: number;
  readonly object: CapdlObject;
  /** In the object's list. */
  readonly position: number;
  readonly slot: number;
  readonly cap: Cap;
  readonly level: number;
  readonly address: bigint;
}
