// SPDX-License-Identifier: BSD-2-Clause
// Which real frame is which page of which memory. The frames of a memory have one size, which the first tells; each must
// have the physical address and the content that follow from the description; none belongs to two memories.

import { hex } from '../units.ts';
import type { CapdlObject, Fill } from './capdl.ts';
import type { ExpectedFill, ExpectedMemory } from './expected.ts';
import type { Matcher } from './match.ts';

interface Pages {
  /** log2; undefined until a frame has told. */
  bits: number | undefined;
  /** Where the tool put it. */
  base: bigint | undefined;
  readonly ids: Map<number, number>;
}

export class FrameBook {
  readonly #matcher: Matcher;
  readonly #pages = new Map<ExpectedMemory, Pages>();

  constructor(matcher: Matcher) {
    this.#matcher = matcher;
  }

  idOf(memory: ExpectedMemory, index: number): number | undefined {
    return this.#of(memory).ids.get(index);
  }

  idsOf(memory: ExpectedMemory): readonly number[] {
    return [...this.#of(memory).ids.values()];
  }

  /** log2 of its pages; undefined if no frame is known. */
  pageBits(memory: ExpectedMemory): number | undefined {
    return this.#of(memory).bits;
  }

  pageCount(memory: ExpectedMemory): number {
    return Number(memory.sizeBytes >> BigInt(this.pageBits(memory) ?? Math.min(...memory.pageBits)));
  }

  bindByName(memory: ExpectedMemory): void {
    const first = this.#matcher.idByName(memory.frameName(0));
    if (first === undefined) return;
    this.take(memory, 0, first);
    const count = this.pageCount(memory);
    for (let index = 1; index < count; index += 1) {
      const id = this.#matcher.idByName(memory.frameName(index));
      if (id !== undefined) this.take(memory, index, id);
    }
  }

  /** The frame that is this page: `id` if none was known and it may be it. */
  take(memory: ExpectedMemory, index: number, id: number): number | undefined {
    const pages = this.#of(memory);
    const known = pages.ids.get(index);
    if (known !== undefined) return known;
    const object = this.#matcher.object(id);
    if (object.kind !== 'Frame') return undefined;
    const bits = Number(object.attributes['sizeBits']);
    const fits = pages.bits === undefined ? memory.pageBits.includes(bits) : pages.bits === bits;
    if (!fits || (1n << BigInt(bits)) * BigInt(index) >= memory.sizeBytes) return undefined;
    if (!this.#matcher.claim(id, memory)) return undefined;
    pages.bits = bits;
    pages.ids.set(index, id);
    this.#check(memory, index, object, pages);
    return id;
  }

  /** Reports the pages that no frame is there for. */
  reportMissing(memory: ExpectedMemory): void {
    const { ids } = this.#of(memory);
    const count = this.pageCount(memory);
    if (ids.size === count) return;
    this.#matcher.report(
      'AUD207',
      `${count - ids.size} of ${count} pages are not in the image: ${memory.because.text}`,
      memory.because,
      'build the image from this description, or take the line out of it',
    );
  }

  #of(memory: ExpectedMemory): Pages {
    const known = this.#pages.get(memory);
    if (known !== undefined) return known;
    const fresh: Pages = { bits: undefined, base: undefined, ids: new Map() };
    this.#pages.set(memory, fresh);
    return fresh;
  }

  #check(memory: ExpectedMemory, index: number, object: CapdlObject, pages: Pages): void {
    const bytes = 1n << BigInt(pages.bits ?? 0);
    const paddr = object.attributes['paddr'];
    const offset = bytes * BigInt(index);
    if (memory.paddr === 'contiguous' && typeof paddr === 'bigint') pages.base ??= paddr - offset;
    const base = memory.paddr === 'contiguous' ? pages.base : memory.paddr;
    const wanted = base === undefined ? undefined : base + offset;
    const address = (value: unknown): string => (typeof value === 'bigint' ? hex(value) : 'chosen at boot');
    if (paddr !== wanted || (memory.paddr === 'contiguous' && paddr === undefined))
      this.#matcher.report(
        'AUD205',
        `'${object.name}' has the physical address ${address(paddr)} instead of ${address(wanted)}: ${memory.because.text}`,
        memory.because,
        'build the image from this description, or correct the description',
      );
    const wrong = wrongFill(memory, offset, bytes, object.fill);
    if (wrong !== undefined)
      this.#matcher.report(
        'AUD209',
        `'${object.name}' ${wrong}: ${memory.because.text}`,
        memory.because,
        'find out who changed the image, or name the files that it was built from',
      );
  }
}

/** What is wrong with the content of the page at `offset` of a memory. */
function wrongFill(
  { fill: wanted, sizeBytes }: ExpectedMemory,
  offset: bigint,
  pageBytes: bigint,
  fill: readonly Fill[],
): string | undefined {
  if (wanted.kind === 'none') return fill.length === 0 ? undefined : 'is filled, and ought to be empty';
  const [entry, ...more] = fill;
  const { start, end } = expectedBytes(wanted, offset, pageBytes, sizeBytes);
  if (start === end) return fill.length === 0 ? undefined : 'is filled, and ought to be empty';
  if (entry === undefined) return 'is empty, and ought to be filled';
  if (more.length > 0) return `is filled ${fill.length} times`;
  // Without the file, all that is known is that it starts at the start.
  const isLength = wanted.kind === 'file' && wanted.bytes === undefined;
  if (entry.start !== start || (isLength ? entry.end > pageBytes : entry.end !== end))
    return `is filled at [${hex(entry.start)}..${hex(entry.end)}) instead of [${hex(start)}..${hex(end)})`;
  return wrongContent(wanted, offset, entry);
}

function expectedBytes(
  wanted: ExpectedFill,
  offset: bigint,
  pageBytes: bigint,
  sizeBytes: bigint,
): { start: bigint; end: bigint } {
  if (wanted.kind === 'elf') {
    const start = offset === 0n ? wanted.offset : 0n;
    const end = wanted.offset + wanted.sizeBytes - offset;
    return { start, end: end < pageBytes ? end : pageBytes };
  }
  const whole =
    wanted.kind === 'file' && wanted.bytes !== undefined ? BigInt(wanted.bytes.length) : sizeBytes;
  const rest = whole > offset ? whole - offset : 0n;
  return { start: 0n, end: rest < pageBytes ? rest : pageBytes };
}

function wrongContent(wanted: ExpectedFill, offset: bigint, { content }: Fill): string | undefined {
  if (wanted.kind === 'elf') {
    const from = offset === 0n ? 0n : offset - wanted.offset;
    const isIt =
      content.kind === 'elf' &&
      content.elf === wanted.elf &&
      content.segment === wanted.segment &&
      content.from === from;
    return isIt
      ? undefined
      : `is filled from elsewhere than byte ${hex(from)} of segment ${wanted.segment} of program ${wanted.elf}`;
  }
  if (wanted.kind === 'bootinfo') {
    const isIt = content.kind === 'bootinfo' && content.id === wanted.id && content.offset === offset;
    return isIt ? undefined : `is not filled with the boot information ${wanted.id} from byte ${offset}`;
  }
  if (content.kind !== 'bytes') return 'is not filled with bytes of a file';
  if (wanted.kind !== 'file' || wanted.bytes === undefined) return undefined;
  const file = wanted.bytes.subarray(Number(offset), Number(offset) + content.bytes.length);
  const at = content.bytes.findIndex((byte, i) => byte !== file[i]);
  return at < 0 ? undefined : `differs from the file at byte ${hex(offset + BigInt(at))}`;
}
