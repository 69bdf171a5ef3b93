// SPDX-License-Identifier: BSD-2-Clause
// Reads a flattened device tree (Devicetree Specification 0.4, chapter 5; version 17) into nodes. The blob is not
// trusted: sizes, offsets, depth and names are bounded before they are used, and whatever is wrong is a Refusal with
// one FDT1xx diagnostic, never an exception of another kind.
//
//   header (10 big-endian words) -> structure block: BEGIN_NODE name\0 … PROP len nameoff value … END_NODE … END
//                                -> strings block: property names, referred to by offset
//
// The memory reservation block is of no use here and is not read.

import { refuse } from '../diagnostic.ts';
import { fdtLimits } from '../limits.ts';
import { hex } from '../units.ts';

export interface FdtNode {
  /** With the unit address, e.g. `pl011@9000000`; empty for the root. */
  readonly name: string;
  readonly parent: FdtNode | undefined;
  readonly properties: ReadonlyMap<string, Uint8Array>;
  readonly children: readonly FdtNode[];
}

export interface DeviceTree {
  readonly root: FdtNode;
  /** What the user calls it; diagnostics name it. */
  readonly file: string;
  readonly sizeBytes: number;
}

/** Refuses (FDT1xx) whatever is not a whole, well-formed blob of version 17 or one that is compatible with it. */
export function parseFdt(blob: Uint8Array, file: string): DeviceTree {
  const reader = new BlobReader(blob, file);
  const root = readRoot(reader);
  return { root, file, sizeBytes: blob.length };
}

const token = { beginNode: 1, endNode: 2, property: 3, nop: 4, end: 9 } as const;
const magic = 0xd00dfeed;
const headerBytes = 40;

const isGzip = (blob: Uint8Array): boolean => blob[0] === 0x1f && blob[1] === 0x8b;

/** What people give instead of a blob: one in a gzip, or its source. */
function whatInstead(blob: Uint8Array): string {
  if (isGzip(blob)) return "gzip'd and no device tree blob yet";
  const start = new TextDecoder('latin1').decode(blob.subarray(0, 4096));
  return start.includes('/dts-v1/') ? 'device tree source and no blob' : 'no device tree blob';
}

class BlobReader {
  readonly #file: string;
  readonly #view: DataView;
  readonly #blob: Uint8Array;
  readonly #end: number;
  readonly #stringsStart: number;
  readonly #stringsEnd: number;
  readonly #names = new Map<number, string>();
  #offset: number;

  constructor(blob: Uint8Array, file: string) {
    this.#file = file;
    this.#blob = blob;
    this.#view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
    if (blob.length > fdtLimits.bytes)
      this.fail(
        'FDT101',
        `has ${blob.length} bytes; at most ${fdtLimits.bytes} are read`,
        'is it a device tree blob?',
      );
    if (blob.length < headerBytes || this.#view.getUint32(0) !== magic)
      this.fail(
        'FDT102',
        `is ${whatInstead(blob)}: its ${blob.length} bytes do not start with ${hex(magic)}`,
        isGzip(blob) ? 'unpack it with gunzip' : 'make it with dtc -O dtb',
      );
    const [, totalSize, structStart, stringsStart, , version, compatible, , stringsSize, structSize] =
      this.#headerWords();
    if (totalSize > blob.length || totalSize < headerBytes)
      this.fail(
        'FDT103',
        `says it has ${totalSize} bytes, but the file has ${blob.length}`,
        'the file is truncated: make it again',
      );
    if (version < 16 || compatible > 17)
      this.fail(
        'FDT104',
        `has version ${version}, compatible with ${compatible}; 17 is read`,
        'make it with a current dtc',
      );
    this.#offset = structStart;
    this.#end = version >= 17 ? structStart + structSize : totalSize;
    this.#stringsStart = stringsStart;
    this.#stringsEnd = stringsStart + stringsSize;
    if (
      structStart % 4 !== 0 ||
      structStart < headerBytes ||
      this.#end > totalSize ||
      this.#stringsEnd > totalSize
    )
      this.fail(
        'FDT105',
        `has a structure block [${hex(structStart)}..${hex(this.#end)}) or strings block [${hex(stringsStart)}..${hex(this.#stringsEnd)}) outside of its ${totalSize} bytes`,
        'the file is damaged: make it again',
      );
  }

  fail(code: string, what: string, hint: string): never {
    refuse(code, `device tree '${this.#file}' ${what}`, { hint, place: { file: this.#file } });
  }

  damaged(what: string): never {
    this.fail(
      'FDT106',
      `${what} at offset ${hex(this.#offset)}`,
      'the file is damaged: make it again with dtc',
    );
  }

  /** The next token that is not a NOP. */
  token(): number {
    for (;;) {
      const word = this.#word();
      if (word !== token.nop) return word;
    }
  }

  nodeName(): string {
    const text = this.#text(this.#offset, this.#end, 'node name');
    this.#offset = roundUp4(this.#offset + text.length + 1);
    return text;
  }

  property(): [name: string, value: Uint8Array] {
    const length = this.#word();
    const nameOffset = this.#word();
    if (length > this.#end - this.#offset)
      this.damaged(`has a property of ${length} bytes that ends outside of its block`);
    const value = this.#blob.subarray(this.#offset, this.#offset + length);
    this.#offset = roundUp4(this.#offset + length);
    return [this.#propertyName(nameOffset), value];
  }

  #headerWords(): Header {
    return Array.from({ length: 10 }, (_, i) => this.#view.getUint32(4 * i)) as unknown as Header;
  }

  #word(): number {
    if (this.#offset + 4 > this.#end) this.damaged('ends inside its structure block');
    const word = this.#view.getUint32(this.#offset);
    this.#offset += 4;
    return word;
  }

  #propertyName(nameOffset: number): string {
    const known = this.#names.get(nameOffset);
    if (known !== undefined) return known;
    const start = this.#stringsStart + nameOffset;
    if (start >= this.#stringsEnd)
      this.damaged(`has a property name at ${hex(nameOffset)} outside of its strings block`);
    const name = this.#text(start, this.#stringsEnd, 'property name');
    this.#names.set(nameOffset, name);
    return name;
  }

  /** Printable ASCII up to a NUL; names of both kinds are that, and of bounded length. */
  #text(start: number, end: number, what: string): string {
    const limit = Math.min(end, start + fdtLimits.nameBytes + 1);
    let text = '';
    for (let at = start; at < limit; at += 1) {
      const char = this.#view.getUint8(at);
      if (char === 0) return text;
      if (char < 0x21 || char > 0x7e) this.damaged(`has a ${what} with the byte ${hex(char)}`);
      text += String.fromCharCode(char);
    }
    return this.damaged(`has a ${what} of more than ${fdtLimits.nameBytes} characters`);
  }
}

type Header = [number, number, number, number, number, number, number, number, number, number];

const roundUp4 = (offset: number): number => (offset + 3) & ~3;

interface OpenNode extends FdtNode {
  readonly properties: Map<string, Uint8Array>;
  readonly children: OpenNode[];
  readonly childNames: Set<string>;
}

const openNode = (name: string, parent: OpenNode | undefined): OpenNode => ({
  name,
  parent,
  properties: new Map(),
  children: [],
  childNames: new Set(),
});

/** A loop with an explicit parent, not recursion: the depth is the file's choice. */
function readRoot(reader: BlobReader): FdtNode {
  if (reader.token() !== token.beginNode) reader.damaged('does not begin with a node');
  const rootName = reader.nodeName();
  if (rootName !== '') reader.damaged(`has a root called '${rootName}'`);
  const root = openNode('', undefined);
  let current: OpenNode | undefined = root;
  let depth = 1;
  while (current !== undefined) {
    const next = reader.token();
    if (next === token.beginNode) {
      depth += 1;
      if (depth > fdtLimits.depth) reader.damaged(`has nodes deeper than ${fdtLimits.depth}`);
      current = beginChild(reader, current);
    } else if (next === token.property) {
      const [name, value] = reader.property();
      if (current.properties.has(name))
        reader.damaged(`has the property '${name}' twice in node '${current.name}'`);
      current.properties.set(name, value);
    } else if (next === token.endNode) {
      depth -= 1;
      current = current.parent as OpenNode | undefined;
    } else reader.damaged(`has an unknown token ${hex(next)} or an early end`);
  }
  if (reader.token() !== token.end) reader.damaged('goes on after its root node');
  return root;
}

function beginChild(reader: BlobReader, parent: OpenNode): OpenNode {
  const name = reader.nodeName();
  if (name === '' || name.includes('/')) reader.damaged(`has a node called '${name}' below '${parent.name}'`);
  if (parent.childNames.has(name)) reader.damaged(`has two nodes '${name}' below '${parent.name}'`);
  parent.childNames.add(name);
  const child = openNode(name, parent);
  parent.children.push(child);
  return child;
}
