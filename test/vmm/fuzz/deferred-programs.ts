// SPDX-License-Identifier: BSD-2-Clause
// Programs about what a device puts off: credit updates of which nobody is short, and completions.

import {
  available,
  buffers,
  type Bytes,
  catchUp,
  complete,
  creditRequest,
  creditUpdate,
  describe,
  events,
  honest,
  honestGuest,
  hostileGuest,
  hostileVmm,
  kick,
  linux,
  offer,
  op,
  otherGuest,
  plain,
  read,
  receive,
  record,
  request,
  response,
  ringWord,
  run,
  rw,
  send,
  seqpacket,
  settle,
  shutdown,
  times,
  tx,
  u16,
  u8,
  write,
} from './language.ts';

const ack: Bytes = [...read(0x60), ...write(0x64, 3)];

/** What the hostile guest tells an honest one. */
const tell = (what: number, rest: { ports?: number; type?: number; credit?: number } = {}): Bytes =>
  send({ to: honestGuest, op: what, ...rest });

const data = (len: number, type = 0): Bytes => honest(honestGuest, { to: hostileGuest, op: rw, len, type });

/** The hostile guest has opened a stream to an honest one. */
const opened = (credit = 1): Bytes => [
  ...linux,
  ...buffers(16),
  ...tell(request, { credit }),
  ...settle,
  ...receive(honestGuest),
  ...ack,
];

export const creditPrograms = (): Record<string, Bytes> => ({
  'credit-waits': [
    ...opened(),
    ...tell(creditUpdate),
    ...settle,
    ...catchUp(hostileGuest),
    ...catchUp(hostileGuest),
    ...settle,
    ...receive(honestGuest),
    ...tell(creditUpdate),
    ...run(honestGuest), // finds it by itself
    ...catchUp(hostileGuest),
    ...tell(creditUpdate),
    ...tell(shutdown),
    ...settle,
  ],
  // Nothing is allowed, so the first byte is more than half of it.
  'credit-is-short': [
    ...opened(0),
    ...data(700), // its notification is on its way
    ...tell(creditUpdate, { credit: 0 }),
    ...settle,
    ...tell(creditUpdate, { credit: 0 }),
    ...data(700, seqpacket),
    ...settle,
    ...tell(creditUpdate, { credit: 0 }),
  ],
  'credit-is-short-of-a-late-reader': [
    ...linux,
    ...buffers(16),
    ...ringWord(hostileGuest, 4, 1),
    ...send({ to: hostileVmm, op: request, credit: 0 }),
    ...send({ to: hostileVmm, op: creditUpdate, credit: 0 }),
    ...record(hostileGuest, { to: hostileGuest, op: rw, len: 100 }),
    ...op('READ_RING', u8(hostileGuest), u8(0)),
    ...record(hostileGuest, { to: hostileGuest, op: rw, len: 100 }),
    ...catchUp(hostileGuest),
  ],
  'credit-asked-for': [
    ...opened(),
    ...times(2, () => honest(honestGuest, { to: hostileGuest, op: creditRequest })),
    ...settle,
    ...tell(creditUpdate),
    ...tell(creditUpdate),
    ...tell(creditUpdate, { credit: 2 }),
    ...settle,
  ],
  // 16 streams have more than one in a place.
  'credit-of-many': [
    ...opened(),
    ...times(16, (index) => tell(index % 2 === 0 ? request : response, { ports: index * 16 })),
    ...times(16, (index) => tell(creditUpdate, { ports: index * 16 })),
    ...settle,
    ...times(8, () => receive(honestGuest)),
    ...times(16, (index) => tell(creditUpdate, { ports: index })),
    ...tell(creditUpdate, { type: seqpacket }),
    ...send({ to: hostileVmm, op: creditUpdate }),
  ],
  'credit-of-honest-guests': [
    ...honest(honestGuest, { to: otherGuest, op: request }),
    ...honest(otherGuest, { to: honestGuest, op: response }),
    ...settle,
    ...honest(honestGuest, { to: otherGuest, op: creditUpdate }),
    ...honest(otherGuest, { to: honestGuest, op: creditUpdate }),
    ...settle,
    ...times(3, () => receive(otherGuest)),
    ...catchUp(honestGuest),
    ...catchUp(otherGuest),
    ...settle,
    ...times(3, () => receive(otherGuest)),
  ],
});

export const heldPrograms = (): Record<string, Bytes> => ({
  'held-until-half': [...plain, ...times(20, () => tell(shutdown)), ...settle, ...ack],
  'held-until-the-seat-says-so': [
    ...complete(hostileGuest),
    ...plain,
    ...complete(hostileGuest),
    ...tell(shutdown),
    ...complete(hostileGuest),
    ...tell(shutdown), // the interrupt is not over
    ...ack,
    ...tell(shutdown),
    ...catchUp(hostileGuest),
    ...ack,
  ],
  'held-until-a-packet-comes': [
    ...linux,
    ...buffers(8),
    ...tell(shutdown),
    ...data(10),
    ...settle,
    ...ack,
    ...tell(shutdown),
    ...write(0x70, 0x8f),
    ...complete(hostileGuest),
  ],
  'held-until-an-event-comes': [
    ...op('ISOLATE'),
    ...linux,
    ...send({ to: hostileVmm, op: request }),
    ...describe(events, 0, 0xe000, 8, 2),
    ...offer(events, 0),
    ...kick(events),
    ...ringWord(hostileGuest, 0, 4),
    ...run(hostileGuest),
  ],
  'held-by-a-driver-that-polls': [
    ...plain,
    ...tell(shutdown),
    ...op('FILL_RAM', u16(available(tx)), u16(1), u8(1)),
    ...complete(hostileGuest),
    ...tell(shutdown),
    ...settle,
  ],
});
