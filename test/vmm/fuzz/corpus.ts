// SPDX-License-Identifier: BSD-2-Clause
// Programs for the fuzzer to start from: each operation of device_fuzz.c in a place where it does something, and each
// kind of packet on each way through the device.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const fuzzDir = fileURLToPath(new URL('.', import.meta.url));

/** A program by its name. */
export type Corpus = ReadonlyMap<string, Uint8Array>;

/** The names of the operations, in the order of their numbers. */
export const operations: readonly string[] = [
  ...readFileSync(join(fuzzDir, 'device_fuzz.c'), 'utf8').matchAll(/^ {4}OP_(\w+),/gm),
].map((match) => match[1] ?? '');

/** Those that a program was made with. */
export const used = new Set<string>();

type Bytes = readonly number[];

const u8 = (value: number): Bytes => [value & 0xff];
const u16 = (value: number): Bytes => [...u8(value), ...u8(value >>> 8)];
const u32 = (value: number): Bytes => [...u16(value), ...u16(value >>> 16)];

function op(name: string, ...operands: readonly Bytes[]): Bytes {
  const number = operations.indexOf(name);
  used.add(name);
  if (number < 0) throw new Error(`device_fuzz.c has no operation ${name}`);
  return [number, ...operands.flat()];
}

const [hostileGuest, honestGuest, otherGuest, hostileVmm] = [0, 1, 2, 3];
const [stream, seqpacket, noType] = [0, 1, 2];
const [request, response, reset, shutdown, rw, creditUpdate, creditRequest, noOp] = [1, 2, 3, 4, 5, 6, 7, 8];
const allOps = [request, response, reset, shutdown, rw, creditUpdate, creditRequest];

interface Packet {
  readonly to: number;
  readonly op: number;
  readonly len?: number;
  readonly type?: number;
  readonly ports?: number;
  readonly lie?: number;
  readonly flags?: number;
}

const packet = ({ to, op: what, len = 0, type = stream, ports = 0, lie = 0, flags = 0 }: Packet): Bytes => [
  lie,
  to,
  ports,
  type,
  what,
  ...u16(len),
  flags,
  1,
];

const boot = (features: number, exponent = 4): Bytes => op('BOOT', u32(features), u8(exponent));
const linux = boot(0x3000_0002);
const plain = boot(2);
const send = (what: Packet, pieces = 1): Bytes => op('PACKET', packet(what), u8(pieces - 1));
const buffers = (number: number, size = 1500): Bytes => op('BUFFERS', u8(number), u16(size));
const record = (reader: number, what: Packet, epoch = 0, peerEpoch = 0): Bytes =>
  op('RECORD', u8(reader), packet(what), u32(epoch), u32(peerEpoch));
const honest = (from: number, what: Packet): Bytes => op('HONEST_SEND', u8(from - 1), packet(what));
const receive = (who: number): Bytes => op('HONEST_RECEIVE', u8(who - 1));
const settle = op('SETTLE');
const write = (offset: number, value: number, width = 0): Bytes =>
  op('WRITE_REGISTER', u16(offset), u8(width), u32(value));
const read = (offset: number, width = 0): Bytes => op('READ_REGISTER', u16(offset), u8(width));
const ringWord = (reader: number, word: number, value: number): Bytes =>
  op('RING_WORD', u8(reader), u8(word), u32(value));
const advance = (reader: number, word: number, by: number): Bytes =>
  op('RING_ADVANCE', u8(reader), u8(word), u16(by));
const notify = (device: number, peer: number): Bytes => op('NOTIFY', u8(device), u8(peer));
const describe = (queue: number, index: number, at: number, size: number, flags: number, next = 0): Bytes =>
  op('DESCRIBE', u8(queue), u8(index), u16(at), u32(size), u16(flags), u16(next));
const offer = (queue: number, head: number): Bytes => op('OFFER', u8(queue), u16(head));
const kick = (queue: number): Bytes => op('KICK', u8(queue));
const times = (number: number, bytes: (index: number) => Bytes): Bytes =>
  Array.from({ length: number }, (_, index) => bytes(index)).flat();

/** Where driver.h has a queue's areas and buffers, from the start of RAM. */
const available = (queue: number): number => queue * 0x400 + 0x100;
const buffer = (queue: number, index: number): number => 0x2000 + (queue * 16 + index) * 0x600;
const [rx, tx, events] = [0, 1, 2];

const registers: Bytes = [
  ...times(0x44, (index) => read(index * 4)),
  ...[0, 1, 2, 3].flatMap((width) => [...read(0x100, width), ...read(0x10, width), ...write(0x70, 1, width)]),
  ...times(0x44, (index) => write(index * 4, 0xffff_ffff)),
  ...times(4, (queue) => [
    ...write(0x30, queue),
    ...read(0x34),
    ...read(0x44),
    ...write(0x38, 3),
    ...write(0x44, 1),
  ]),
  ...times(4, (half) => [...write(0x14, half), ...read(0x10), ...write(0x24, half), ...write(0x20, 1)]),
];

/** All programs, by what they are about. */
export function makeCorpus(): Corpus {
  return new Map(
    Object.entries({
      ...registerPrograms(),
      ...guestPrograms(),
      ...chainPrograms(),
      ...ringPrograms(),
      ...lonelyPrograms(),
    }).map(([name, program]) => [name, Uint8Array.from(program)]),
  );
}

const registerPrograms = (): Record<string, Bytes> => ({
  registers,
  'registers-while-up': [...linux, ...registers],
  'status-failed': [...plain, ...buffers(4), ...write(0x70, 0x8f), ...settle, ...read(0x70)],
  'queue-off': [...plain, ...buffers(4), ...write(0x30, tx), ...write(0x44, 0), ...read(0x44), ...settle],
  'event-queue-off': [...plain, ...write(0x30, events), ...write(0x44, 0), ...kick(events), ...kick(9)],
  'reset-in-transfer': [
    ...linux,
    ...send({ to: honestGuest, op: request }),
    ...send({ to: honestGuest, op: rw, len: 9000 }),
    ...write(0x70, 0),
    ...settle,
    ...linux,
    ...settle,
  ],
  off: [...linux, ...times(3, () => send({ to: hostileVmm, op: rw, len: 3000 })), ...op('OFF'), ...settle],
  'queue-sizes': times(5, (exponent) => [...boot(0x3000_0002, exponent), ...buffers(1), ...settle]),
  'addresses-that-cannot-be': [0x80, 0x90, 0xa0].flatMap((area) => [
    ...write(0x70, 0),
    ...[1, 3].flatMap((status) => write(0x70, status)),
    ...write(0x24, 1),
    ...write(0x20, 1),
    ...write(0x70, 11),
    ...write(0x38, 4),
    ...[0x80, 0x90, 0xa0].flatMap((other) => write(other, 0x4000_0000 + other * 16)),
    ...[1, 0xffff_ff00, 0x4001_0000].flatMap((low) => [
      ...write(area, low),
      ...write(area + 4, low === 0xffff_ff00 ? 0xffff_ffff : 0),
      ...write(0x44, 1),
    ]),
    ...[0, 3, 64].flatMap((size) => [...write(0x38, size), ...write(0x44, 1)]),
  ]),
  features: [0, 1, 4, 5, 7, 2 ** 28, 2 ** 29, 2 ** 31 + 8].flatMap((features) => boot(features)),
});

const guestPrograms = (): Record<string, Bytes> => ({
  ...Object.fromEntries(
    [hostileGuest, honestGuest, hostileVmm, 9].flatMap((to) =>
      [stream, seqpacket, noType].map((type): [string, Bytes] => [
        `packets-to-${to}-type-${type}`,
        [
          ...(type === stream ? plain : linux),
          ...buffers(16),
          ...[...allOps, noOp].flatMap((what) =>
            send({ to, op: what, type, len: what === rw ? 100 : 0 }, what),
          ),
          ...send({ to, op: request, len: 5 }),
          ...send({ to, op: request, lie: 1 }),
          ...settle,
          ...times(4, () => receive(honestGuest)),
        ],
      ]),
    ),
  ),
  'packets-split': [
    ...linux,
    ...times(3, (index) =>
      send({ to: honestGuest, op: rw, len: 5000, flags: 3, type: seqpacket }, index + 1),
    ),
    ...settle,
    ...times(12, () => [...receive(honestGuest), ...settle]),
  ],
  'replies-pile-up': [
    ...plain,
    ...times(80, (index) => send({ to: 9, op: request, ports: index })),
    ...buffers(16),
  ],
  // More than the quota of connections with one of three peers.
  'requests-pile-up': [
    ...linux,
    ...times(360, (index) => [
      ...send({ to: hostileVmm, op: request, ports: index, type: index >> 8 }),
      ...(index % 12 === 11 ? [...op('READ_RING', u8(0), u8(0)), ...notify(0, 2)] : []),
    ]),
    ...buffers(4),
  ],
  'packets-too-long': [
    ...linux,
    ...send({ to: honestGuest, op: rw, flags: 0x80, len: 1 }),
    ...send({ to: honestGuest, op: rw, len: 60_000 }),
  ],
  'a-peer-stands-still': [
    ...linux,
    ...times(16, () => send({ to: hostileVmm, op: rw, len: 3000 })),
    ...times(12, () => op('TICK', u8(0))),
    ...buffers(4),
  ],
  'peer-dies-while-packets-wait': [
    ...linux,
    ...times(4, () => send({ to: hostileVmm, op: rw, len: 3000 })),
    ...advance(hostileGuest, 1, 1),
    ...notify(0, 2),
  ],
  honest: [
    ...linux,
    ...buffers(16),
    ...allOps.flatMap((what) => honest(honestGuest, { to: hostileGuest, op: what, len: 700 })),
    ...allOps.flatMap((what) => honest(otherGuest, { to: honestGuest, op: what, len: 700 })),
    ...settle,
    ...times(10, () => receive(honestGuest)),
    ...buffers(8, 60),
    ...buffers(8, 30),
    ...honest(otherGuest, { to: hostileGuest, op: rw, len: 900 }),
    ...settle,
    ...op('RUN', u8(0)),
  ],
  'guest-absent': [
    ...honest(honestGuest, { to: hostileGuest, op: request }),
    ...settle,
    ...receive(honestGuest),
  ],
  'events-and-death': [
    ...linux,
    ...buffers(2),
    ...describe(events, 0, 0xe000, 4, 2),
    ...offer(events, 0),
    ...kick(events),
    ...honest(honestGuest, { to: hostileGuest, op: request }),
    ...settle,
    ...record(hostileGuest, { to: hostileGuest, op: request }),
    ...record(hostileGuest, { to: hostileGuest, op: rw, len: 64 }, 1),
    ...settle,
    ...buffers(4),
  ],
});

const chainPrograms = (): Record<string, Bytes> => {
  const tried = (features: Bytes, queue: number, flags: number, chain: Bytes): Bytes => [
    ...features,
    ...chain,
    ...offer(queue, 0),
    ...kick(queue),
    ...(queue === rx ? honest(honestGuest, { to: hostileGuest, op: rw, len: 500 }) : []),
    ...settle,
    ...op('FILL_RAM', u16(available(queue)), u16(4), u8(flags)),
    ...kick(queue),
  ];
  const both = (name: string, chain: (queue: number, write: number) => Bytes): [string, Bytes][] =>
    [rx, tx].flatMap((queue): [string, Bytes][] => [
      [`${name}-${queue}`, tried(plain, queue, 1, chain(queue, queue === rx ? 2 : 0))],
      [`${name}-${queue}-indirect`, tried(linux, queue, 0xff, chain(queue, queue === rx ? 2 : 0))],
    ]);
  return Object.fromEntries([
    ...both('chain-good', (queue, write) => describe(queue, 0, buffer(queue, 0), 100, write)),
    ...both('chain-short', (queue, write) => describe(queue, 0, buffer(queue, 0), 10, write)),
    ...both('chain-empty', (queue, write) => describe(queue, 0, buffer(queue, 0), 0, write)),
    ...both('chain-loop', (queue, write) => describe(queue, 0, buffer(queue, 0), 8, write | 1, 0)),
    ...both('chain-leads-out', (queue, write) => describe(queue, 0, buffer(queue, 0), 8, write | 1, 99)),
    ...both('chain-wrong-way', (queue, write) => describe(queue, 0, buffer(queue, 0), 60, write ^ 2)),
    ...both('chain-past-ram', (queue, write) => describe(queue, 0, 0xfff0, 0x100, write)),
    ...both('chain-huge', (queue, write) => describe(queue, 0, 0, 0xffff_ffff, write)),
    ...both('chain-wraps', (queue, write) => [
      ...op('FILL_RAM', u16(queue * 0x400), u16(16), u8(0xff)),
      ...op('WRITE_RAM', u16(queue * 0x400 + 12), u8(4), [write, 0, 0, 0]),
    ]),
    ...both('table', (queue, write) => [
      // A table of two descriptors, which follows another table in memory.
      ...op('WRITE_RAM', u16(0xe000), u8(16), [
        ...u16(buffer(queue, 1)),
        0,
        0x40,
        ...u32(0),
        ...u32(60),
        ...u16(write | 1),
        ...u16(1),
      ]),
      ...op('WRITE_RAM', u16(0xe010), u8(16), [
        ...u16(buffer(queue, 2)),
        0,
        0x40,
        ...u32(0),
        ...u32(900),
        ...u16(write),
        ...u16(0),
      ]),
      ...describe(queue, 0, 0xe000, 32, 4),
    ]),
    ...both('table-in-table', (queue) => [
      ...op('WRITE_RAM', u16(0xe000), u8(16), [
        ...u16(0xe000),
        0,
        0x40,
        ...u32(0),
        ...u32(16),
        ...u16(4),
        ...u16(0),
      ]),
      ...describe(queue, 0, 0xe000, 16, 4),
    ]),
    ...both('table-torn', (queue) => describe(queue, 0, 0xe000, 17, 4)),
    ...both('index-jumps', (queue) => op('FILL_RAM', u16(available(queue) + 2), u16(2), u8(0x77))),
  ]);
};

/** The hostile VMM is the only peer: what ends all connections at once is an event. */
const lonelyPrograms = (): Record<string, Bytes> => {
  const eventBuffer = (size: number, flags: number, at = 0xe000): Bytes => [
    ...describe(events, 0, at, size, flags),
    ...offer(events, 0),
    ...kick(events),
  ];
  const brokenRing = [...advance(hostileGuest, 0, 4), ...notify(0, 0)];
  const lonely = (name: string, ...bytes: readonly Bytes[]): [string, Bytes] => [
    `alone-${name}`,
    [...op('ISOLATE'), ...linux, ...buffers(4), ...bytes.flat(), ...brokenRing, ...settle],
  ];
  return Object.fromEntries([
    lonely('event', send({ to: hostileVmm, op: request }), eventBuffer(8, 2)),
    lonely('without-a-buffer', send({ to: hostileVmm, op: request })),
    lonely('short-buffer', eventBuffer(3, 2)),
    lonely('readable-buffer', eventBuffer(8, 0)),
    lonely('broken-queue', op('FILL_RAM', u16(available(events) + 2), u16(2), u8(0x77))),
    lonely('without-a-queue', write(0x30, events), write(0x44, 0)),
    [
      'alone-both-stand-still',
      [
        ...op('ISOLATE'),
        ...linux,
        ...record(hostileGuest, { to: hostileGuest, op: request }),
        ...times(20, () => send({ to: hostileVmm, op: rw, len: 1500 })),
        ...times(12, () => op('TICK', u8(0))),
        ...settle,
      ],
    ],
  ]);
};

const ringPrograms = (): Record<string, Bytes> => ({
  ...Object.fromEntries(
    [hostileGuest, honestGuest].flatMap((reader) =>
      [...allOps, noOp].map((what): [string, Bytes] => [
        `record-${what}-for-${reader}`,
        [
          ...linux,
          ...buffers(8, 300),
          ...record(reader, { to: reader, op: what, len: what === rw ? 1000 : 0 }),
          ...record(reader, { to: reader, op: what, lie: 1 }),
          ...record(reader, { to: 7, op: what }),
          ...record(reader, { to: reader, op: what, len: 40, type: noType }),
          ...record(reader, { to: reader, op: what }, 0, 5),
          ...settle,
          ...times(5, () => receive(honestGuest)),
          ...op('READ_RING', u8(reader), u8(0)),
        ],
      ]),
    ),
  ),
  'records-pile-up': [
    ...linux,
    ...buffers(16),
    ...times(360, (index) => [
      ...record(hostileGuest, { to: hostileGuest, op: request, ports: index, type: index >> 8 }),
      ...(index % 15 === 14 ? buffers(15) : []),
    ]),
  ],
  'answers-pile-up': times(90, (index) =>
    record(hostileGuest, { to: hostileGuest, op: request, ports: index }),
  ),
  'record-too-long': [...linux, ...record(hostileGuest, { to: hostileGuest, op: rw, len: 65000 }), ...settle],
  'tail-jumps': [
    ...linux,
    ...ringWord(hostileGuest, 0, 0x9999),
    ...notify(0, 2),
    ...advance(hostileGuest, 0, 4096),
    ...notify(0, 2),
  ],
  'tail-crawls': [
    ...linux,
    ...times(4, () => [...advance(hostileGuest, 0, 8), ...notify(0, 2)]),
    ...advance(hostileGuest, 0, 64),
    ...notify(0, 2),
  ],
  'bytes-at-random': [
    ...linux,
    ...op(
      'RING_BYTES',
      u8(0),
      u16(0x1000),
      u8(64),
      times(64, (index) => u8(index * 37)),
    ),
    ...advance(hostileGuest, 0, 64),
    ...notify(0, 2),
  ],
  'head-jumps': [
    ...linux,
    ...ringWord(hostileGuest, 3, 0x5000),
    ...ringWord(hostileGuest, 4, 1),
    ...ringWord(hostileGuest, 2, 1),
    ...times(3, () => send({ to: hostileVmm, op: rw, len: 2000 })),
    ...send({ to: hostileVmm, op: rw, len: 11_000 }),
    ...ringWord(hostileGuest, 3, 0),
    ...notify(0, 2),
    ...settle,
    ...op('READ_RING', u8(0), u8(0)),
    ...notify(0, 2),
  ],
  'epoch-races': [
    ...linux,
    ...record(hostileGuest, { to: hostileGuest, op: request }),
    ...buffers(1),
    ...times(4, () => [...advance(hostileGuest, 1, 1), ...notify(0, 2)]),
    ...buffers(4),
  ],
});
