// SPDX-License-Identifier: BSD-2-Clause
// What proves a transfer and what does not. Each refusal names who said what, and what was expected.
import { describe, expect, it } from 'vitest';
import type { ConsoleLine, Speaker } from '../../../make/launch/console.ts';
import { hashPayload, makePayload } from '../../../make/launch/payload.ts';
import {
  describeSilence,
  type Expectation,
  isEvidence,
  judge,
  partiesOf,
} from '../../../make/launch/verdict.ts';
import { vsockGuests } from '../../../meta/vsock-guests.ts';

const nonce = '0123456789abcdef';
const hash = hashPayload(makePayload(nonce));
const expected: Expectation = {
  nonce,
  parties: [
    { role: 'recv', client: 0, name: 'receiver', cid: 3, peer: 4 },
    { role: 'send', client: 1, name: 'sender', cid: 4, peer: 3 },
  ],
};

const line = (speaker: Speaker, text: string): ConsoleLine => ({ speaker, text });
const verdict = (
  role: string,
  fields: Partial<Record<'peer' | 'port' | 'bytes' | 'hash' | 'nonce' | 'us', string>> = {},
): string => {
  const usual = { port: '9999', bytes: '32768', hash, nonce, us: role === 'recv' ? '2900' : '3214' };
  const all = { peer: role === 'recv' ? '4' : '3', ...usual, ...fields };
  return `vsock ${role}: peer=${all.peer} port=${all.port} bytes=${all.bytes} hash=${all.hash} nonce=${all.nonce} us=${all.us} verified`;
};
const good = [line(0, verdict('recv')), line(1, verdict('send'))];

/** What the judge says against the lines, or its kind. */
function said(lines: readonly ConsoleLine[], by = expected): string | string[] {
  const judgement = judge(by, lines.filter(isEvidence));
  return judgement.kind === 'refused' ? judgement.diagnostics.map(({ message }) => message) : judgement.kind;
}

/** What the judge says against the lines, each with its code. */
function coded(lines: readonly ConsoleLine[]): string[] {
  const judgement = judge(expected, lines.filter(isEvidence));
  const found = judgement.kind === 'refused' ? judgement.diagnostics : [];
  return found.map(({ code, message }) => `${code} ${message}`);
}

it('both lines verify, in either order, with anything else around them', () => {
  expect(judge(expected, good)).toEqual({
    kind: 'verified',
    hash,
    bytes: 32768,
    transfers: [{ from: 'sender', to: 'receiver', bytes: 32768, durationUs: 3214 }],
  });
  expect(said(good.toReversed())).toBe('verified');
  const noise = [
    line(0, 'VSOCK RECV|INFO: All is well in the universe'),
    line('system', 'MON|INFO: Microkit Monitor started!'),
  ];
  expect(said([...noise, ...good, ...noise])).toBe('verified');
});

it('one line alone leaves it open', () => {
  expect(said([])).toBe('open');
  expect(said([good[0] as ConsoleLine])).toBe('open');
  expect(said([good[1] as ConsoleLine])).toBe('open');
});

const flipped = `${hash.slice(0, -1)}${hash.endsWith('0') ? '1' : '0'}`;
const cases: readonly (readonly [string, readonly ConsoleLine[], readonly string[]])[] = [
  [
    'a flipped byte: the receiver says so',
    [
      line(0, 'vsock recv: FAILED number 17 is 4660, expected 4661'),
      line(1, 'vsock send: FAILED the answer is another hash'),
    ],
    [
      "RUN111 the receiver 'receiver' (CID 3) failed: number 17 is 4660, expected 4661",
      "RUN111 the sender 'sender' (CID 4) failed: the answer is another hash",
    ],
  ],
  [
    'a flipped byte that both agree on',
    [line(0, verdict('recv', { hash: flipped })), line(1, verdict('send', { hash: flipped }))],
    [
      `RUN113 the receiver 'receiver' (CID 3) reported hash ${flipped}, expected is ${hash}`,
      `RUN113 the sender 'sender' (CID 4) reported hash ${flipped}, expected is ${hash}`,
    ],
  ],
  [
    'loopback, by CID 1',
    [line(0, verdict('recv', { peer: '1' })), good[1] as ConsoleLine],
    ["RUN113 the receiver 'receiver' (CID 3) reported peer 1, expected is 4"],
  ],
  [
    'loopback, by its own CID',
    [line(0, verdict('recv', { peer: '3' })), good[1] as ConsoleLine],
    ["RUN113 the receiver 'receiver' (CID 3) reported peer 3, expected is 4"],
  ],
  [
    'a stale nonce, with the hash that belongs to it',
    [
      line(0, verdict('recv', { nonce: 'f'.repeat(16), hash: hashPayload(makePayload('f'.repeat(16))) })),
      good[1] as ConsoleLine,
    ],
    [
      `RUN113 the receiver 'receiver' (CID 3) reported hash ${hashPayload(makePayload('f'.repeat(16)))}, expected is ${hash}`,
      `RUN113 the receiver 'receiver' (CID 3) reported nonce ffffffffffffffff, expected is ${nonce}`,
    ],
  ],
  [
    'too few bytes',
    [line(0, verdict('recv', { bytes: '32767' }))],
    ["RUN113 the receiver 'receiver' (CID 3) reported bytes 32767, expected is 32768"],
  ],
  [
    'another port',
    [line(1, verdict('send', { port: '99' }))],
    ["RUN113 the sender 'sender' (CID 4) reported port 99, expected is 9999"],
  ],
  [
    'a line twice',
    [...good, good[0] as ConsoleLine],
    ["RUN114 the receiver 'receiver' (CID 3) reported 2 times, once is expected"],
  ],
  [
    'both lines from one guest',
    [good[0] as ConsoleLine, line(0, verdict('send'))],
    [`RUN110 the receiver 'receiver' (CID 3) printed a line of the other role: '${verdict('send')}'`],
  ],
  [
    'a guest without a part',
    [line(2, verdict('recv'))],
    [`RUN110 guest 2, which has no part, printed '${verdict('recv')}'`],
  ],
  [
    'verified and then failed',
    [...good, line(0, 'vsock recv: FAILED after all')],
    [
      "RUN111 the receiver 'receiver' (CID 3) failed: after all",
      "RUN114 the receiver 'receiver' (CID 3) reported 2 times, once is expected",
    ],
  ],
  [
    'no proper line',
    [line(0, `${verdict('recv')} not`)],
    [`RUN112 the receiver 'receiver' (CID 3) printed no proper verdict: '${verdict('recv')} not'`],
  ],
  [
    'no time, as older programs print',
    [line(0, verdict('recv').replace(' us=2900', ''))],
    [
      `RUN112 the receiver 'receiver' (CID 3) printed no proper verdict: '${verdict('recv').replace(' us=2900', '')}'`,
    ],
  ],
  [
    'a time that no clock has shown',
    [line(0, verdict('recv', { us: '1234567890123456' }))],
    [
      `RUN112 the receiver 'receiver' (CID 3) printed no proper verdict: '${verdict('recv', { us: '1234567890123456' })}'`,
    ],
  ],
  [
    'failed for no reason',
    [line(0, 'vsock recv: FAILED')],
    ["RUN111 the receiver 'receiver' (CID 3) failed: no reason given"],
  ],
];
it.each(cases)('%s', (_, lines, messages) => {
  expect(coded(lines)).toEqual(messages);
});

it('lines of the system prove nothing', () => {
  expect(said([line('system', verdict('recv')), good[1] as ConsoleLine])).toBe('open');
});

describe('early death', () => {
  const deaths: readonly (readonly [string, readonly ConsoleLine[], string])[] = [
    [
      'of a PD',
      [
        line('system', 'MON|ERROR: received message 0x6 badge: 0x3 tcb cap: 0x8'),
        line('system', 'MON|ERROR: faulting PD: CLIENT_VMM1'),
      ],
      "RUN115 a protection domain died ('CLIENT_VMM1'): MON|ERROR: received message 0x6 badge: 0x3 tcb cap: 0x8",
    ],
    [
      'by an assertion',
      [line('system', "Failed assertion 'x' at y.c:1 in function z")],
      "RUN115 an assertion failed: Failed assertion 'x' at y.c:1 in function z",
    ],
    [
      'of the kernel',
      [line('system', 'KERNEL DATA ABORT!')],
      'RUN115 the kernel stopped: KERNEL DATA ABORT!',
    ],
    [
      'of a guest',
      [line(1, '[    1.234567] Kernel panic - not syncing: Attempted to kill init!')],
      "RUN116 guest 'sender' (CID 4) stopped: [    1.234567] Kernel panic - not syncing: Attempted to kill init!",
    ],
  ];
  it.each(deaths)('%s', (_, lines, message) => {
    expect(coded(lines)).toEqual([message]);
  });

  it('a guest that prints what a monitor prints is alive', () => {
    expect(said([line(0, 'MON|ERROR: received message')])).toBe('open');
    expect(said([line('system', 'CLIENT_VMM0|ERROR: vIRQ 0x1b is not enabled'), ...good])).toBe('verified');
  });
});

it('tells whose report is missing', () => {
  const [receiver, sender] = expected.parties;
  expect(describeSilence(expected.parties, expected.parties)).toBe(
    "neither the receiver 'receiver' (CID 3) nor the sender 'sender' (CID 4) reported",
  );
  expect(describeSilence(receiver === undefined ? [] : [receiver], expected.parties)).toBe(
    "the sender 'sender' (CID 4) reported, the receiver 'receiver' (CID 3) did not",
  );
  expect(sender?.name).toBe('sender');
});

it('a clock that has not moved is no reason to refuse', () => {
  const judgement = judge(expected, [good[0] as ConsoleLine, line(1, verdict('send', { us: '0' }))]);
  expect(judgement).toMatchObject({ kind: 'verified', transfers: [{ durationUs: 0 }] });
});

describe('a ring of three', () => {
  const guests = vsockGuests(3);
  const ring: Expectation = { nonce, parties: partiesOf(guests) };
  const reports = guests.flatMap(({ recvFrom, sendTo }, client) => [
    line(client, verdict('recv', { peer: String(recvFrom) })),
    line(client, verdict('send', { peer: String(sendTo), us: String(1000 * (client + 1)) })),
  ]);
  /** The reports, with the one at `index` replaced. */
  const but = (index: number, ...instead: readonly ConsoleLine[]): ConsoleLine[] =>
    reports.flatMap((report, i) => (i === index ? instead : [report]));

  it('has a party for each end: guest by guest, the receiver first', () => {
    expect(ring.parties.map(({ role, client, cid, peer }) => [role, client, cid, peer])).toEqual([
      ['recv', 0, 3, 4],
      ['send', 0, 3, 5],
      ['recv', 1, 4, 5],
      ['send', 1, 4, 3],
      ['recv', 2, 5, 3],
      ['send', 2, 5, 4],
    ]);
  });

  it('verifies in any order, with a transfer per sender', () => {
    expect(judge(ring, reports.toReversed())).toEqual({
      kind: 'verified',
      hash,
      bytes: 32768,
      transfers: [
        { from: 'client_linux0', to: 'client_linux2', bytes: 32768, durationUs: 1000 },
        { from: 'client_linux1', to: 'client_linux0', bytes: 32768, durationUs: 2000 },
        { from: 'client_linux2', to: 'client_linux1', bytes: 32768, durationUs: 3000 },
      ],
    });
  });

  it('is open while one sender is missing, and says which', () => {
    const judgement = judge(ring, but(3));
    expect(judgement).toMatchObject({ kind: 'open', missing: [{ role: 'send', client: 1 }] });
    const missing = judgement.kind === 'open' ? judgement.missing : [];
    expect(describeSilence(missing, ring.parties)).toBe(
      "5 of 6 reports have come, without the sender 'client_linux1' (CID 4)",
    );
    expect(describeSilence(ring.parties, ring.parties)).toBe('none of 6 reports has come');
  });

  it('a receiver that took its data from the wrong neighbour is refused', () => {
    expect(said(but(2, line(1, verdict('recv', { peer: '3' }))), ring)).toEqual([
      "the receiver 'client_linux1' (CID 4) reported peer 3, expected is 5",
    ]);
  });

  it('a report on the console of another guest does not count for its own', () => {
    expect(said(but(3, line(2, verdict('send', { peer: '3' }))), ring)).toEqual([
      "the sender 'client_linux2' (CID 5) reported peer 3, expected is 4",
      "the sender 'client_linux2' (CID 5) reported 2 times, once is expected",
    ]);
  });

  it('each end may report once, though its guest reports twice', () => {
    expect(said([...reports, reports[5] as ConsoleLine], ring)).toEqual([
      "the sender 'client_linux2' (CID 5) reported 2 times, once is expected",
    ]);
  });

  it('a guest that stops is said once, though it has two parts', () => {
    expect(said([line(1, 'Kernel panic - not syncing: x')], ring)).toEqual([
      "guest 'client_linux1' (CID 4) stopped: Kernel panic - not syncing: x",
    ]);
  });
});
