// SPDX-License-Identifier: BSD-2-Clause
// Do the guests' consoles prove the transfers? Pure: what is expected and what was seen go in, the judgement comes out.
//
// Each end of a transfer prints one line when it is done (the guests' programs: linux/programs):
//     vsock recv: peer=4 port=9999 bytes=32768 hash=<16 hex> nonce=<16 hex> us=<microseconds> verified
//     vsock send: FAILED <reason>
// Verified means: a line of every end, each once and on its own guest's console, each with the CID of the other end, and
// the hash that the launcher computes itself from the nonce that it built into this image. A guest that talked to itself
// has the wrong peer, an image of another board, configuration or kernel the wrong nonce, a lost byte makes the wrong
// hash. How long it took is the guests' own word.
import type { Diagnostic } from '../../meta/diagnostic.ts';
import type { VsockGuestPlan } from '../../meta/vsock-guests.ts';
import type { ConsoleLine } from './console.ts';
import { hashPayload, makePayload, payloadBytes, vsockPort } from './payload.ts';

/** One end of a transfer. A guest may be both ends, of two transfers. */
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

/** As its sender measured it, from before the first byte until it had the receiver's answer. */
export interface Transfer {
  /** Names of the guests. */
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
  readonly durationUs: number;
}

export interface Verified {
  readonly kind: 'verified';
  readonly hash: string;
  /** Of one transfer. */
  readonly bytes: number;
  /** In the order of the parties that send. */
  readonly transfers: readonly Transfer[];
}

export type Judgement =
  | { readonly kind: 'open'; readonly missing: readonly Party[] }
  | Verified
  | { readonly kind: 'refused'; readonly diagnostics: readonly Diagnostic[] };

/** Who must report what. `guests` in the order of their consoles. */
export const partiesOf = (
  guests: readonly Pick<VsockGuestPlan, 'vm' | 'cid' | 'recvFrom' | 'sendTo'>[],
): Party[] =>
  guests.flatMap(({ vm: name, cid, recvFrom, sendTo }, client): Party[] => [
    ...(recvFrom === undefined ? [] : [{ role: 'recv' as const, client, name, cid, peer: recvFrom }]),
    ...(sendTo === undefined ? [] : [{ role: 'send' as const, client, name, cid, peer: sendTo }]),
  ]);

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
  return missing.length > 0
    ? { kind: 'open', missing }
    : { kind: 'verified', hash, bytes: payloadBytes, transfers: findTransfers(expected, lines) };
}

/** What to say when the deadline has come with the judgement open. */
export function describeSilence(missing: readonly Party[], parties: readonly Party[]): string {
  const say = (list: readonly Party[], word: string): string =>
    list.map((party) => describe(party)).join(` ${word} `);
  const done = parties.filter((party) => !missing.includes(party));
  if (parties.length > 2)
    return done.length === 0
      ? `none of ${parties.length} reports has come`
      : `${done.length} of ${parties.length} reports have come, without ${say(missing, 'and')}`;
  return done.length === 0
    ? `neither ${say(missing, 'nor')} reported`
    : `${say(done, 'and')} reported, ${say(missing, 'and')} did not`;
}

type Finding = readonly [code: string, message: string];

const verdictStart = /^vsock (recv|send): /;
const verdictLine =
  /^vsock (?:recv|send): peer=(?<peer>\d+) port=(?<port>\d+) bytes=(?<bytes>\d+) hash=(?<hash>[0-9a-f]{16}) nonce=(?<nonce>[0-9a-f]{16}) us=(?<us>\d{1,15}) verified$/;
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
  const roles = expected.parties.filter(({ client }) => client === line.speaker);
  const [other] = roles;
  if (other === undefined)
    return [['RUN110', `guest ${line.speaker}, which has no part, printed '${line.text}'`]];
  const speaker = roles.find((party) => party.role === role);
  if (speaker === undefined)
    return [['RUN110', `${describe(other)} printed a line of the other role: '${line.text}'`]];
  const failure = /^vsock \w+: FAILED(?: (.*))?$/.exec(line.text);
  if (failure !== null)
    return [['RUN111', `${describe(speaker)} failed: ${failure[1] ?? 'no reason given'}`]];
  const fields = verdictLine.exec(line.text)?.groups;
  if (fields === undefined)
    return [['RUN112', `${describe(speaker)} printed no proper verdict: '${line.text}'`]];
  const wanted = {
    peer: String(speaker.peer),
    port: String(vsockPort),
    bytes: String(payloadBytes),
    hash,
    nonce: expected.nonce,
  };
  return Object.entries(wanted).flatMap(([field, value]): Finding[] => {
    const said = fields[field];
    return said === value
      ? []
      : [['RUN113', `${describe(speaker)} reported ${field} ${said ?? 'none'}, expected is ${value}`]];
  });
}

/** Only for lines that have been judged. */
function findTransfers({ parties }: Expectation, lines: readonly ConsoleLine[]): Transfer[] {
  const senders = parties.filter(({ role }) => role === 'send');
  return senders.map((sender) => {
    const text = lines.find((line) => isFrom(sender, line))?.text ?? '';
    const { bytes, us } = verdictLine.exec(text)?.groups ?? {};
    const to = parties.find(({ cid }) => cid === sender.peer)?.name ?? `CID ${sender.peer}`;
    return { from: sender.name, to, bytes: Number(bytes), durationUs: Number(us) };
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
  for (const [client, { name, cid }] of new Map(expected.parties.map((party) => [party.client, party]))) {
    const panic = lines.find(({ speaker, text }) => speaker === client && guestDeath.test(text));
    if (panic !== undefined) found.push(['RUN116', `guest '${name}' (CID ${cid}) stopped: ${panic.text}`]);
  }
  return found;
}
