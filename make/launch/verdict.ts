// SPDX-License-Identifier: BSD-2-Clause
// Do the guests' consoles prove the transfer? Pure: what is expected and what was seen go in, the judgement comes out.
//
// Each guest prints one line when it is done (the guests' programs: linux/programs):
//     vsock recv: peer=4 port=9999 bytes=32768 hash=<16 hex> nonce=<16 hex> verified
//     vsock send: FAILED <reason>
// Verified means: both lines, each once and on its own console, each with the other's CID, and the hash that the
// launcher computes itself from the nonce that it built into this image. A guest that talked to itself has the wrong
// peer, an image of another board, configuration or kernel the wrong nonce, a lost byte makes the wrong hash.
import type { Diagnostic } from '../../meta/diagnostic.ts';
import type { ConsoleLine } from './console.ts';
import { hashPayload, makePayload, payloadBytes, vsockPort } from './payload.ts';

export interface Party {
  readonly role: 'recv' | 'send';
  /** Number of its console at the virtualiser. */
  readonly client: number;
  readonly name: string;
  readonly cid: number;
  /** CID that it must have talked to. */
  readonly peer: number;
}

export interface Expectation {
  /** 16 hexadecimal digits. */
  readonly nonce: string;
  readonly parties: readonly Party[];
}

export type Judgement =
  | { readonly kind: 'open'; readonly missing: readonly Party[] }
  | { readonly kind: 'verified'; readonly hash: string; readonly bytes: number }
  | { readonly kind: 'refused'; readonly diagnostics: readonly Diagnostic[] };

/** True for lines that `judge` looks at; the others need not be kept. */
export const isEvidence = ({ speaker, text }: ConsoleLine): boolean =>
  speaker === 'system'
    ? deaths.some(({ pattern }) => pattern.test(text)) || faultingPd.test(text)
    : verdictStart.test(text) || guestDeath.test(text);

/** `lines` in the order in which they came. */
export function judge(expected: Expectation, lines: readonly ConsoleLine[]): Judgement {
  const hash = hashPayload(makePayload(expected.nonce));
  const findings = [
    ...findDeaths(expected, lines),
    ...lines.flatMap((line) => judgeLine(expected, hash, line)),
    ...expected.parties.flatMap((party) => judgeCount(party, lines)),
  ];
  if (findings.length > 0)
    return {
      kind: 'refused',
      diagnostics: findings.map(([code, message]) => ({ code, severity: 'error', message })),
    };
  const missing = expected.parties.filter((party) => !lines.some((line) => isFrom(party, line)));
  return missing.length > 0 ? { kind: 'open', missing } : { kind: 'verified', hash, bytes: payloadBytes };
}

/** What to say when the deadline has come with the judgement open. */
export function describeSilence(missing: readonly Party[], parties: readonly Party[]): string {
  const say = (list: readonly Party[]): string => list.map((party) => describe(party)).join(' and ');
  const done = parties.filter((party) => !missing.includes(party));
  return done.length === 0
    ? `neither ${say(missing).replace(' and ', ' nor ')} reported`
    : `${say(done)} reported, ${say(missing)} did not`;
}

type Finding = readonly [code: string, message: string];

const verdictStart = /^vsock (recv|send): /;
const verdictLine =
  /^vsock (recv|send): peer=(\d+) port=(\d+) bytes=(\d+) hash=([0-9a-f]{16}) nonce=([0-9a-f]{16}) verified$/;
const guestDeath = /^(?:\[ *[\d.]+\] *)?(?:Kernel panic - not syncing|---\[ end Kernel panic)/;
const faultingPd = /^MON\|ERROR: faulting PD: (\S+)/;
const deaths: readonly { pattern: RegExp; what: string }[] = [
  { pattern: /^MON\|ERROR: (?:received|faulting|VMFault)/, what: 'a protection domain died' },
  { pattern: /Failed assertion /, what: 'an assertion failed' },
  {
    pattern:
      /^(?:KERNEL (?:DATA|PREFETCH|UNKNOWN) ABORT|seL4 called fail|seL4 failed assertion|halting\.\.\.)/,
    what: 'the kernel stopped',
  },
  { pattern: /^LDR\|ERROR/, what: 'the loader failed' },
];

const describe = (party: Party): string =>
  `the ${party.role === 'recv' ? 'receiver' : 'sender'} '${party.name}' (CID ${party.cid})`;

const isFrom = (party: Party, { speaker, text }: ConsoleLine): boolean =>
  speaker === party.client && verdictStart.exec(text)?.[1] === party.role;

function judgeLine(expected: Expectation, hash: string, line: ConsoleLine): Finding[] {
  const role = verdictStart.exec(line.text)?.[1];
  if (role === undefined || line.speaker === 'system') return [];
  const speaker = expected.parties.find(({ client }) => client === line.speaker);
  if (speaker === undefined)
    return [['RUN110', `guest ${line.speaker}, which has no part, printed '${line.text}'`]];
  if (speaker.role !== role)
    return [['RUN110', `${describe(speaker)} printed a line of the other role: '${line.text}'`]];
  const failure = /^vsock \w+: FAILED(?: (.*))?$/.exec(line.text);
  if (failure !== null)
    return [['RUN111', `${describe(speaker)} failed: ${failure[1] ?? 'no reason given'}`]];
  const fields = verdictLine.exec(line.text);
  if (fields === null) return [['RUN112', `${describe(speaker)} printed no proper verdict: '${line.text}'`]];
  const wanted = {
    peer: String(speaker.peer),
    port: String(vsockPort),
    bytes: String(payloadBytes),
    hash,
    nonce: expected.nonce,
  };
  return Object.entries(wanted).flatMap(([field, value], index): Finding[] => {
    const said = fields[index + 2];
    return said === value
      ? []
      : [['RUN113', `${describe(speaker)} reported ${field} ${said ?? 'none'}, expected is ${value}`]];
  });
}

function judgeCount(party: Party, lines: readonly ConsoleLine[]): Finding[] {
  const count = lines.filter((line) => isFrom(party, line)).length;
  return count > 1 ? [['RUN114', `${describe(party)} reported ${count} times, once is expected`]] : [];
}

/** The first line of each kind of death; the dump that follows it is in the log. */
function findDeaths(expected: Expectation, lines: readonly ConsoleLine[]): Finding[] {
  const system = lines.filter(({ speaker }) => speaker === 'system').map(({ text }) => text);
  const found = deaths.flatMap(({ pattern, what }): Finding[] => {
    const first = system.find((text) => pattern.test(text));
    if (first === undefined) return [];
    const pd = what.startsWith('a protection')
      ? system.map((text) => faultingPd.exec(text)?.[1]).find(Boolean)
      : undefined;
    return [['RUN115', `${what}${pd === undefined ? '' : ` ('${pd}')`}: ${first}`]];
  });
  for (const party of expected.parties) {
    const panic = lines.find(({ speaker, text }) => speaker === party.client && guestDeath.test(text));
    if (panic !== undefined) found.push(['RUN116', `${describe(party)} stopped: ${panic.text}`]);
  }
  return found;
}
