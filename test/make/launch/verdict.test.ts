// SPDX-License-Identifier: BSD-2-Clause
// What proves a transfer and what does not. Each refusal names who said what, and what was expected.
import { describe, expect, it } from 'vitest';
import type { ConsoleLine, Speaker } from '../../../make/launch/console.ts';
import { hashPayload, makePayload } from '../../../make/launch/payload.ts';
import { describeSilence, type Expectation, isEvidence, judge } from '../../../make/launch/verdict.ts';

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
  fields: Partial<Record<'peer' | 'port' | 'bytes' | 'hash' | 'nonce', string>> = {},
): string => {
  const all = { peer: role === 'recv' ? '4' : '3', port: '9999', bytes: '32768', hash, nonce, ...fields };
  return `vsock ${role}: peer=${all.peer} port=${all.port} bytes=${all.bytes} hash=${all.hash} nonce=${all.nonce} verified`;
};
const good = [line(0, verdict('recv')), line(1, verdict('send'))];

/** What the judge says against the lines, or its kind. */
function said(lines: readonly ConsoleLine[]): string | string[] {
  const judgement = judge(expected, lines.filter(isEvidence));
  return judgement.kind === 'refused' ? judgement.diagnostics.map(({ message }) => message) : judgement.kind;
}

it('both lines verify, in either order, with anything else around them', () => {
  expect(judge(expected, good)).toEqual({ kind: 'verified', hash, bytes: 32768 });
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
      "the receiver 'receiver' (CID 3) failed: number 17 is 4660, expected 4661",
      "the sender 'sender' (CID 4) failed: the answer is another hash",
    ],
  ],
  [
    'a flipped byte that both agree on',
    [line(0, verdict('recv', { hash: flipped })), line(1, verdict('send', { hash: flipped }))],
    [
      `the receiver 'receiver' (CID 3) reported hash ${flipped}, expected is ${hash}`,
      `the sender 'sender' (CID 4) reported hash ${flipped}, expected is ${hash}`,
    ],
  ],
  [
    'loopback, by CID 1',
    [line(0, verdict('recv', { peer: '1' })), good[1] as ConsoleLine],
    ["the receiver 'receiver' (CID 3) reported peer 1, expected is 4"],
  ],
  [
    'loopback, by its own CID',
    [line(0, verdict('recv', { peer: '3' })), good[1] as ConsoleLine],
    ["the receiver 'receiver' (CID 3) reported peer 3, expected is 4"],
  ],
  [
    'a stale nonce, with the hash that belongs to it',
    [
      line(0, verdict('recv', { nonce: 'f'.repeat(16), hash: hashPayload(makePayload('f'.repeat(16))) })),
      good[1] as ConsoleLine,
    ],
    [
      `the receiver 'receiver' (CID 3) reported hash ${hashPayload(makePayload('f'.repeat(16)))}, expected is ${hash}`,
      `the receiver 'receiver' (CID 3) reported nonce ffffffffffffffff, expected is ${nonce}`,
    ],
  ],
  [
    'too few bytes',
    [line(0, verdict('recv', { bytes: '32767' }))],
    ["the receiver 'receiver' (CID 3) reported bytes 32767, expected is 32768"],
  ],
  [
    'another port',
    [line(1, verdict('send', { port: '99' }))],
    ["the sender 'sender' (CID 4) reported port 99, expected is 9999"],
  ],
  [
    'a line twice',
    [...good, good[0] as ConsoleLine],
    ["the receiver 'receiver' (CID 3) reported 2 times, once is expected"],
  ],
  [
    'both lines from one guest',
    [good[0] as ConsoleLine, line(0, verdict('send'))],
    [`the receiver 'receiver' (CID 3) printed a line of the other role: '${verdict('send')}'`],
  ],
  [
    'a guest without a part',
    [line(2, verdict('recv'))],
    [`guest 2, which has no part, printed '${verdict('recv')}'`],
  ],
  [
    'verified and then failed',
    [...good, line(0, 'vsock recv: FAILED after all')],
    [
      "the receiver 'receiver' (CID 3) failed: after all",
      "the receiver 'receiver' (CID 3) reported 2 times, once is expected",
    ],
  ],
  [
    'no proper line',
    [line(0, `${verdict('recv')} not`)],
    [`the receiver 'receiver' (CID 3) printed no proper verdict: '${verdict('recv')} not'`],
  ],
  [
    'failed for no reason',
    [line(0, 'vsock recv: FAILED')],
    ["the receiver 'receiver' (CID 3) failed: no reason given"],
  ],
];
it.each(cases)('%s', (_, lines, messages) => {
  expect(said(lines)).toEqual(messages);
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
      "a protection domain died ('CLIENT_VMM1'): MON|ERROR: received message 0x6 badge: 0x3 tcb cap: 0x8",
    ],
    [
      'by an assertion',
      [line('system', "Failed assertion 'x' at y.c:1 in function z")],
      "an assertion failed: Failed assertion 'x' at y.c:1 in function z",
    ],
    ['of the kernel', [line('system', 'KERNEL DATA ABORT!')], 'the kernel stopped: KERNEL DATA ABORT!'],
    [
      'of a guest',
      [line(1, '[    1.234567] Kernel panic - not syncing: Attempted to kill init!')],
      "the sender 'sender' (CID 4) stopped: [    1.234567] Kernel panic - not syncing: Attempted to kill init!",
    ],
  ];
  it.each(deaths)('%s', (_, lines, message) => {
    expect(said(lines)).toEqual([message]);
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
