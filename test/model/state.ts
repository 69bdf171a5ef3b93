// SPDX-License-Identifier: BSD-2-Clause
// What the model remembers of each guest, of the packets on their way and of the RSTs that are owed.

import { type Header, headerSize, op, payloadMax, type } from './packet.ts';
import type { Fault, Operation } from './operations.ts';

/** What becomes of a packet: certain, or not known because the world was not at rest when it was sent. */
export type Fate = 'deliver' | 'refuse' | 'unknown';

/** A good packet from one guest to another. */
export interface Item {
  readonly serial: number;
  readonly header: Header;
  /** Which life of its sender it comes from. */
  readonly life: number;
  fate: Fate;
  /** The sender's device has surely taken it. */
  isTaken: boolean;
  /** Its chain has come back: all of it is on its way. */
  isReturned: boolean;
  /** Whether it could have been taken in another state of the world than the one of now. */
  isWild: boolean;
  /** What it may do to its device's list of connections has been noted. */
  isMarked: boolean;
  /** Bytes of payload delivered. */
  delivered: number;
  /** Its sender has seen an RST for its connection, or has sent one, since. */
  isTold: boolean;
}

/** An RST that a device makes up for its own guest to see. */
export interface Owed {
  readonly header: Header;
  /** For a bad packet of its own, for a packet that the peer refused, or because the peer's guest died. */
  readonly kind: 'reply' | 'answer' | 'survivor';
  readonly peer: number;
  must: boolean;
  readonly item?: Item;
}

/** A connection that a device remembers: for sure, or perhaps. */
export type Certainty = 'sure' | 'maybe';

export interface Buffer {
  readonly serial: number;
  readonly size: number;
  readonly isBad: boolean;
  /** Its device has run since it was made available. */
  isSeen: boolean;
}

/** What waits in a tx queue for its device to look. */
export interface Untaken {
  readonly serial: number;
  readonly item?: Item;
  readonly reply?: Owed;
  /** Its device has run since. */
  isSeen: boolean;
}

export interface Guest {
  readonly cid: number;
  isUp: boolean;
  /** Has done what no honest driver does, in this life. */
  isBroken: boolean;
  life: number;
  features: number;
  buffers: Buffer[];
  /** Chains of the tx queue that are out, oldest first. */
  chains: number[];
  untaken: Untaken[];
  owed: Owed[];
  /** By the name of an RST: how many came that more than one packet may have caused, since the world last was at rest. */
  readonly spare: Map<string, number>;
  noInterrupt: [boolean, boolean];
  isr: number;
  /** By peer: connections; whether it surely knows of the peer's last death; the lives whose survivors it has reset. */
  tables: Map<string, Certainty>[];
  isAware: boolean[];
  mourned: number[];
  /** By peer: the latest life of it that this guest has seen a packet of. */
  seenLife: number[];
}

export const newGuest = (index: number, num: number): Guest => ({
  cid: 3 + index,
  isUp: false,
  isBroken: false,
  life: 0,
  features: 0,
  buffers: [],
  chains: [],
  untaken: [],
  owed: [],
  spare: new Map(),
  noInterrupt: [false, false],
  isr: 0,
  tables: Array.from({ length: num }, () => new Map()),
  isAware: Array(num).fill(false),
  mourned: Array(num).fill(0),
  seenLife: Array(num).fill(0),
});

/** 5.10.3: without any feature bit, and without "no implied stream", a guest speaks stream. */
export function speaks(guest: Guest, what: number): boolean {
  if (what === type.stream) return (guest.features & 1) !== 0 || (guest.features & 4) === 0;
  return what === type.seqpacket && (guest.features & 2) !== 0;
}

export type Verdict = 'drop' | 'reset' | { readonly to: number };

/** What the sender's device makes of a packet, judged by itself. */
export function judge(guest: Guest, packet: Operation & { do: 'tx' }, num: number): Verdict {
  const { header: h, segments, fault } = packet;
  const size = segments.reduce((sum, part) => sum + part, 0);
  if (isBad(fault) || size < headerSize || h.srcCid !== guest.cid) return 'drop';
  if (!speaks(guest, h.type) || h.op < op.request || h.op > op.creditRequest) return 'reset';
  if (h.len > payloadMax || h.len > size - headerSize || (h.len > 0 && h.op !== op.rw)) return 'drop';
  const to = h.dstCid - 3;
  return to >= 0 && to < num && h.dstCid !== guest.cid ? { to } : 'reset';
}

export const isBad = (fault: Fault): boolean => fault !== 'none';

/** A connection's name at the end that sends `h`, or that receives it. */
export const sentKey = (h: Header): string => `${h.srcPort}:${h.dstPort}:${h.type}`;
export const receivedKey = (h: Header): string => `${h.dstPort}:${h.srcPort}:${h.type}`;

/** The names under which an RST is known. */
export const owedKey = (h: Header): string => `${h.srcCid}:${h.srcPort}:${h.dstPort}:${h.type}`;

/** The RST that a device makes for a connection whose peer has died; `key` is the guest's own name for it. */
export function survivorReset(guest: Guest, peer: number, key: string): Header {
  const [dstPort = 0, srcPort = 0, kind = 0] = key.split(':').map(Number);
  const cids = { srcCid: 3 + peer, dstCid: guest.cid };
  return { ...cids, srcPort, dstPort, type: kind, op: op.rst, len: 0, flags: 0, bufAlloc: 0, fwdCnt: 0 };
}
