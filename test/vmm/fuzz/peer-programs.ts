// SPDX-License-Identifier: BSD-2-Clause
// Programs of a hostile VMM: what it does to the rings that it shares with the device, also as the only peer.

import {
  advance,
  allOps,
  available,
  buffers,
  type Bytes,
  describe,
  events,
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
  receive,
  record,
  request,
  ringWord,
  rw,
  send,
  settle,
  times,
  u16,
  u8,
  write,
} from './language.ts';

export const ringPrograms = (): Record<string, Bytes> => ({
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

/** The hostile VMM is the only peer: what ends all connections at once is an event. */
export const lonelyPrograms = (): Record<string, Bytes> => {
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
        ...times(16, () => send({ to: hostileVmm, op: rw, len: 1500 })),
        ...times(12, () => op('TICK', u8(0))),
        ...settle,
      ],
    ],
  ]);
};
