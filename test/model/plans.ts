// SPDX-License-Identifier: BSD-2-Clause
// Worlds at random, and what happens in them: operations that are mostly good, and each kind of wrong one now and then.

import * as fc from 'fast-check';
import type { EndKind, Fault, Operation, Plan } from './operations.ts';
import { headerSize, op, payloadMax, type } from './packet.ts';

/** A world and what happens in it, ending in peace: everybody gets buffers, and all comes to rest. */
export const plans = (steps: number): fc.Arbitrary<Plan> =>
  fc.constantFrom(2, 2, 3).chain((guests) =>
    fc.record({
      guests: fc.constant(guests),
      ringSize: fc.constantFrom(0x2000, 0x2000, 0x3000, 0x5000, 0x11000),
      start: fc.constantFrom(0, 0xffff_f000, 0xffff_ff00, 0x7fff_ff00, 8).map((at) => at - (at % 8)),
      epoch: fc.constantFrom(0, 0xffff_fffe, 0xffff_ffff, 5),
      operations: fc
        .array(groups(guests), { maxLength: steps, size: 'max' })
        .map((parts) => [settle, ...parts.flat(), ...ending(guests)]),
    }),
  );

/** Features by bits: stream 1, seqpacket 2, no implied stream 4. The driver adds VERSION_1. */
const featureSets = [2, 2, 2, 0, 1, 3, 6, 7];

const settle: Operation = { do: 'settle' };

function ending(guests: number): Operation[] {
  const all: Operation[] = [settle];
  for (let round = 0; round < 3; round++) {
    for (let guest = 0; guest < guests; guest++) {
      for (let i = 0; i < 12; i++) all.push(buffer(guest, [3776], 'none', i % 4 === 3));
      all.push({ do: 'kick', guest, queue: 1 }, settle);
    }
  }
  return all;
}

const buffer = (guest: number, segments: readonly number[], fault: Fault, kick: boolean): Operation => ({
  do: 'rx',
  guest,
  kick,
  fault,
  segments,
});

/** An operation with what belongs to it: mostly the world comes to rest behind it. */
function groups(guests: number): fc.Arbitrary<Operation[]> {
  const guest = fc.integer({ min: 0, max: guests - 1 });
  const thenSettle = (arbitrary: fc.Arbitrary<Operation[]>): fc.Arbitrary<Operation[]> =>
    fc
      .tuple(arbitrary, fc.constantFrom(true, true, true, false))
      .map(([list, rest]) => (rest ? [...list, settle] : list));
  const one = (arbitrary: fc.Arbitrary<Operation>): fc.Arbitrary<Operation[]> =>
    thenSettle(arbitrary.map((operation) => [operation]));
  const boot = fc.record({
    do: fc.constant('boot' as const),
    guest,
    features: fc.constantFrom(...featureSets),
    rx: fc.constantFrom(4, 16, 32),
    tx: fc.constantFrom(4, 16, 32),
  });
  const end = fc.record({
    do: fc.constant('end' as const),
    guest,
    kind: fc.constantFrom<EndKind>('status', 'off', 'failed', 'queue'),
  });
  const small = fc.oneof(
    one(fc.record({ do: fc.constant('kick' as const), guest, queue: fc.integer({ min: 0, max: 3 }) })),
    one(
      fc.record({ do: fc.constant('notify' as const), guest, peer: fc.integer({ min: 0, max: guests - 2 }) }),
    ),
    one(fc.record({ do: fc.constant('ack' as const), guest })),
    one(
      fc.record({
        do: fc.constant('flags' as const),
        guest,
        queue: fc.integer({ min: 0, max: 1 }),
        value: fc.constantFrom(0, 0, 1),
      }),
    ),
  );
  const breaks = fc.record({
    do: fc.constant('break' as const),
    guest,
    queue: fc.integer({ min: 0, max: 1 }),
    kind: fc.constantFrom('index' as const, 'loop' as const, 'jump' as const),
  });
  return fc.oneof(
    { weight: 30, arbitrary: thenSettle(sends(guests)) },
    { weight: 2, arbitrary: thenSettle(bursts(guests)) },
    { weight: 14, arbitrary: thenSettle(posts(guest)) },
    { weight: 5, arbitrary: one(boot) },
    { weight: 2, arbitrary: one(end) },
    { weight: 6, arbitrary: small },
    { weight: 1, arbitrary: one(breaks) },
  );
}

/** Many connections at once, more than there are places. */
const bursts = (guests: number): fc.Arbitrary<Operation[]> =>
  fc
    .tuple(
      fc.integer({ min: 0, max: guests - 1 }),
      fc.integer({ min: 1, max: guests - 1 }),
      fc.integer({ min: 3, max: 9 }),
    )
    .map(([from, step, count]) =>
      Array.from({ length: count }, (_, i) => ({
        do: 'tx' as const,
        guest: from,
        kick: i + 1 === count || i % 3 === 0,
        header: { ...quiet, srcCid: 3 + from, dstCid: 3 + ((from + step) % guests), srcPort: 1 + i },
        fault: 'none' as const,
        segments: [headerSize],
      })),
    );

const quiet = { dstPort: 1, len: 0, type: type.stream, op: op.request, flags: 0, bufAlloc: 65536 } as const;

/** Receive buffers: mostly Linux's, also tiny, short, large, in segments, and broken ones. */
function posts(guest: fc.Arbitrary<number>): fc.Arbitrary<Operation[]> {
  const size = fc.oneof(
    { weight: 6, arbitrary: fc.constant(3776) },
    { weight: 2, arbitrary: fc.integer({ min: 45, max: 600 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 46 }) },
    { weight: 1, arbitrary: fc.constantFrom(4140, 65580) },
  );
  const fault = fc.constantFrom<Fault>(
    ...Array<Fault>(12).fill('none'),
    'write',
    'outside',
    'wrap',
    'indirect',
  );
  return fc
    .tuple(guest, fc.integer({ min: 1, max: 6 }), size, fault, cuts, fc.boolean())
    .map(([who, count, bytes, why, shape, kick]) =>
      Array.from({ length: count }, (_, i) => buffer(who, cut(bytes, shape), why, kick || i + 1 === count)),
    );
}

/** Where a chain is cut: parts of a thousand. */
const cuts = fc.oneof(
  { weight: 3, arbitrary: fc.constant<number[]>([]) },
  { weight: 2, arbitrary: fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 4 }) },
);

function cut(size: number, parts: readonly number[]): number[] {
  const ends = [...parts.map((part) => Math.floor((size * part) / 1001)), size].toSorted((a, b) => a - b);
  return ends.map((end, i) => end - (ends[i - 1] ?? 0));
}

const ports = fc.integer({ min: 1, max: 3 });
const credits = fc.constantFrom(262144, 0, 1, 0x7fff_ffff, 0xffff_ffff, 65536);

/** One to four packets of a guest: good ones, or with exactly one thing wrong. */
function sends(guests: number): fc.Arbitrary<Operation[]> {
  const route = fc
    .tuple(fc.integer({ min: 0, max: guests - 1 }), fc.integer({ min: 1, max: guests - 1 }))
    .map(([from, step]) => [from, (from + step) % guests] as const);
  const ops = fc.constantFrom(op.request, op.request, op.rw, op.rw, op.rw, 2, 3, 3, 4, 6, 7);
  const len = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 300 }) },
    { weight: 2, arbitrary: fc.integer({ min: 300, max: 9000 }) },
    { weight: 1, arbitrary: fc.constantFrom(payloadMax, payloadMax - 1, 3732, 3733) },
  );
  const packet = fc.record({
    op: ops,
    len,
    srcPort: ports,
    dstPort: ports,
    type: fc.constantFrom(1, 1, 2),
    flags: fc.integer({ min: 0, max: 3 }),
    bufAlloc: credits,
    wrong: fc.constantFrom(...Array<Wrong>(14).fill('nothing'), ...wrongs),
    extra: fc.constantFrom(0, 0, 0, 1, 50),
    kick: fc.constantFrom(true, true, true, false),
    cuts,
  });
  return fc
    .tuple(route, fc.array(packet, { minLength: 1, maxLength: 4 }))
    .map(([[from, to], packets]) => packets.map((p) => packetOf(from, to, p)));
}

const wrongs = [
  'source',
  'destination',
  'type',
  'operation',
  'too long for its chain',
  'too long at all',
  'payload without RW',
  'shorter than a header',
  'write',
  'outside',
  'wrap',
  'indirect',
] as const;
type Wrong = (typeof wrongs)[number] | 'nothing';

interface Draft {
  readonly op: number;
  readonly len: number;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly type: number;
  readonly flags: number;
  readonly bufAlloc: number;
  readonly wrong: Wrong;
  readonly extra: number;
  readonly kick: boolean;
  readonly cuts: readonly number[];
}

function packetOf(from: number, to: number, draft: Draft): Operation {
  const len = draft.op === op.rw ? draft.len : 0;
  // What is answered for itself has ports of its own: its RSTs cannot be taken for those of a connection.
  const far = draft.wrong === 'nothing' ? 0 : 100;
  const good = {
    srcCid: 3 + from,
    dstCid: 3 + to,
    srcPort: draft.srcPort + far,
    dstPort: draft.dstPort + far,
    len,
    type: draft.type,
    op: draft.op,
    flags: draft.op === op.rw && draft.type === type.stream ? 0 : draft.flags,
    bufAlloc: draft.bufAlloc,
  };
  const size = headerSize + len + draft.extra;
  const operation = { do: 'tx' as const, guest: from, kick: draft.kick, fault: 'none' as Fault };
  const whole = cut(size, draft.cuts);
  const n = draft.srcPort + draft.dstPort;
  switch (draft.wrong) {
    case 'source':
      return {
        ...operation,
        header: { ...good, srcCid: n % 2 === 0 ? 3 + to : 0x5_0000_0003 + from },
        segments: whole,
      };
    case 'destination':
      return {
        ...operation,
        header: { ...good, dstCid: [0, 1, 2, 99, 0xffff_ffff, 0x1_0000_0003 + to][n % 6] ?? 2 },
        segments: whole,
      };
    case 'type':
      return { ...operation, header: { ...good, type: [0, 3, 7, 0xffff][n % 4] ?? 0 }, segments: whole };
    case 'operation':
      return { ...operation, header: { ...good, op: [0, 8, 0xffff][n % 3] ?? 0, len: 0 }, segments: whole };
    case 'too long for its chain':
      return { ...operation, header: { ...good, op: op.rw, len: size - headerSize + n }, segments: whole };
    case 'too long at all':
      return {
        ...operation,
        header: { ...good, op: op.rw, len: payloadMax + n },
        segments: [1000, payloadMax + 2000],
      };
    case 'payload without RW':
      return { ...operation, header: { ...good, op: op.response, len: 5 }, segments: [headerSize + 5] };
    case 'shorter than a header':
      return {
        ...operation,
        header: { ...good, op: op.response, len: 0 },
        segments: cut(43 - n, draft.cuts),
      };
    case 'write':
    case 'outside':
    case 'wrap':
    case 'indirect':
      return { ...operation, fault: draft.wrong, header: good, segments: [...cut(size - 4, draft.cuts), 4] };
    case 'nothing':
      break;
  }
  return { ...operation, header: good, segments: whole };
}
