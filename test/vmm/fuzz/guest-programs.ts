// SPDX-License-Identifier: BSD-2-Clause
// Programs of a hostile guest: registers, packets and chains of descriptors.

import {
  advance,
  allOps,
  available,
  boot,
  buffer,
  buffers,
  type Bytes,
  describe,
  events,
  honest,
  honestGuest,
  hostileGuest,
  hostileVmm,
  kick,
  linux,
  noOp,
  notify,
  noType,
  offer,
  op,
  otherGuest,
  plain,
  read,
  receive,
  record,
  request,
  run,
  rw,
  rx,
  send,
  seqpacket,
  settle,
  stream,
  times,
  tx,
  u16,
  u32,
  u8,
  write,
} from './language.ts';

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

export const registerPrograms = (): Record<string, Bytes> => ({
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

export const guestPrograms = (): Record<string, Bytes> => ({
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
    ...run(0),
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

export const chainPrograms = (): Record<string, Bytes> => {
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
