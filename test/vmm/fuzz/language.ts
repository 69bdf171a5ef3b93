// SPDX-License-Identifier: BSD-2-Clause
// The language of the fuzzer's programs, as device_fuzz.c reads it: operations with their operands, as bytes.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const fuzzDir = fileURLToPath(new URL('.', import.meta.url));

/** The names of the operations, in the order of their numbers. */
export const operations: readonly string[] = [
  ...readFileSync(join(fuzzDir, 'device_fuzz.c'), 'utf8').matchAll(/^ {4}OP_(\w+),/gm),
].map((match) => match[1] ?? '');

/** Those that a program was made with. */
export const used = new Set<string>();

export type Bytes = readonly number[];

export const u8 = (value: number): Bytes => [value & 0xff];
export const u16 = (value: number): Bytes => [...u8(value), ...u8(value >>> 8)];
export const u32 = (value: number): Bytes => [...u16(value), ...u16(value >>> 16)];

export function op(name: string, ...operands: readonly Bytes[]): Bytes {
  const number = operations.indexOf(name);
  used.add(name);
  if (number < 0) throw new Error(`device_fuzz.c has no operation ${name}`);
  return [number, ...operands.flat()];
}

export const [hostileGuest, honestGuest, otherGuest, hostileVmm] = [0, 1, 2, 3];
export const [stream, seqpacket, noType] = [0, 1, 2];
export const [request, response, reset, shutdown, rw, creditUpdate, creditRequest, noOp] = [
  1, 2, 3, 4, 5, 6, 7, 8,
];
export const allOps = [request, response, reset, shutdown, rw, creditUpdate, creditRequest];

interface Packet {
  readonly to: number;
  readonly op: number;
  readonly len?: number;
  readonly type?: number;
  readonly ports?: number;
  readonly lie?: number;
  readonly flags?: number;
  /** Of 16 MiB. */
  readonly credit?: number;
}

function packet({ to, op: what, ...rest }: Packet): Bytes {
  const { len = 0, type = stream, ports = 0, lie = 0, flags = 0, credit = 1 } = rest;
  return [lie, to, ports, type, what, ...u16(len), flags, credit];
}

export const boot = (features: number, exponent = 4): Bytes => op('BOOT', u32(features), u8(exponent));
export const linux = boot(0x3000_0002);
export const plain = boot(2);
export const send = (what: Packet, pieces = 1): Bytes => op('PACKET', packet(what), u8(pieces - 1));
export const buffers = (number: number, size = 1500): Bytes => op('BUFFERS', u8(number), u16(size));
export const record = (reader: number, what: Packet, epoch = 0, peerEpoch = 0): Bytes =>
  op('RECORD', u8(reader), packet(what), u32(epoch), u32(peerEpoch));
/** An honest guest knows the operations of the protocol only: they are counted from 0. */
export const honest = (from: number, what: Packet): Bytes =>
  op('HONEST_SEND', u8(from - 1), packet({ ...what, op: what.op - 1 }));
export const receive = (who: number): Bytes => op('HONEST_RECEIVE', u8(who - 1));
export const settle = op('SETTLE');
export const run = (device: number): Bytes => op('RUN', u8(device));
export const complete = (device: number): Bytes => op('COMPLETE', u8(device));
export const catchUp = (device: number): Bytes => op('CATCH_UP', u8(device));
export const write = (offset: number, value: number, width = 0): Bytes =>
  op('WRITE_REGISTER', u16(offset), u8(width), u32(value));
export const read = (offset: number, width = 0): Bytes => op('READ_REGISTER', u16(offset), u8(width));
export const ringWord = (reader: number, word: number, value: number): Bytes =>
  op('RING_WORD', u8(reader), u8(word), u32(value));
export const advance = (reader: number, word: number, by: number): Bytes =>
  op('RING_ADVANCE', u8(reader), u8(word), u16(by));
export const notify = (device: number, peer: number): Bytes => op('NOTIFY', u8(device), u8(peer));
export const describe = (
  queue: number,
  index: number,
  at: number,
  size: number,
  flags: number,
  next = 0,
): Bytes => op('DESCRIBE', u8(queue), u8(index), u16(at), u32(size), u16(flags), u16(next));
export const offer = (queue: number, head: number): Bytes => op('OFFER', u8(queue), u16(head));
export const kick = (queue: number): Bytes => op('KICK', u8(queue));
export const times = (number: number, bytes: (index: number) => Bytes): Bytes =>
  Array.from({ length: number }, (_, index) => bytes(index)).flat();

/** Where driver.h has a queue's areas and buffers, from the start of RAM. */
export const available = (queue: number): number => queue * 0x400 + 0x100;
export const buffer = (queue: number, index: number): number => 0x2000 + (queue * 16 + index) * 0x600;
export const [rx, tx, events] = [0, 1, 2];
