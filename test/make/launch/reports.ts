// SPDX-License-Identifier: BSD-2-Clause
// What honest guests of a fake run report, and who is expected to.
import { hashPayload, makePayload } from '../../../make/launch/payload.ts';

const nonce = '00000000000000ff';
export const hash = hashPayload(makePayload(nonce));

export const verdict = {
  nonce,
  parties: [
    { role: 'recv', client: 0, name: 'receiver', cid: 3, peer: 4 },
    { role: 'send', client: 1, name: 'sender', cid: 4, peer: 3 },
  ],
} as const;

/** A verdict line, as `printf` takes it. */
export const report = (role: 'recv' | 'send', peer: number): string =>
  `vsock ${role}: peer=${peer} port=9999 bytes=32768 hash=${hash} nonce=${nonce} us=3214 verified\\r\\n`;
