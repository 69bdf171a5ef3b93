// SPDX-License-Identifier: BSD-2-Clause
// A reference model of the virtio-socket devices of a few guests, made from what virtio 5.10 demands and from what the
// project promises beyond it, not from the C. It predicts what every guest must, may and must not see:
//
//  * A good packet reaches the guest that it is addressed to: once, unchanged but for `len` and the message flags of
//    pieces, in the order in which it was sent, in pieces that fit the receiver's buffers.
//  * A packet that cannot reach anybody is dropped or answered with an RST, as 5.10.6 says; nothing else makes RSTs but
//    the end of a guest, which resets every connection that its peers have with it, after all that it had sent.
//  * Nothing of one life of a guest reaches its next life.
//  * Every buffer comes back, with the right length, and with an interrupt unless that was declined.
//
// Where the world was not at rest, some things depend on which device looked first. Those the model leaves open
// ('unknown', 'maybe', must: false) until the world is at rest again; then nothing may be left over.

import type { Operation } from './operations.ts';
import { describe, type Header, op, resetOf } from './packet.ts';
import {
  type Fate,
  type Guest,
  type Item,
  isBad,
  judge,
  newGuest,
  type Owed,
  receivedKey,
  sentKey,
  speaks,
  survivorReset,
  type Untaken,
} from './state.ts';

export interface Limits {
  readonly connections: number;
  readonly replies: number;
  readonly budget: number;
}

export class Model {
  readonly guests: Guest[];
  /** By sender and receiver: packets on their way, oldest first. */
  readonly lanes: Item[][][];

  readonly limits: Limits;

  constructor(num: number, limits: Limits) {
    this.limits = limits;
    this.guests = Array.from({ length: num }, (_, i) => newGuest(i, num));
    this.lanes = this.guests.map(() => this.guests.map(() => []));
  }

  guest(index: number): Guest {
    const guest = this.guests[index];
    if (guest === undefined) throw new Error(`no guest ${index}`);
    return guest;
  }

  lane(from: number, to: number): Item[] {
    return this.lanes[from]?.[to] ?? [];
  }

  table(of: number, peer: number): Map<string, 'sure' | 'maybe'> {
    return this.guest(of).tables[peer] ?? new Map();
  }

  others(index: number): number[] {
    return this.guests.map((_, i) => i).filter((i) => i !== index);
  }

  /** What an operation does by itself, before anybody sees anything. `serial` names its packet or buffer. */
  apply(o: Operation, serial: number): void {
    if (o.do === 'settle') return;
    const guest = this.guest(o.guest);
    if (o.do === 'boot') this.#boot(o.guest, o);
    if (o.do === 'end' && guest.isUp) this.die(o.guest);
    if (o.do === 'ack' || (o.do === 'end' && (o.kind === 'status' || o.kind === 'off'))) guest.isr = 0;
    if (!guest.isUp) return;
    if (o.do === 'tx') this.#send(o.guest, o, serial);
    if (o.do === 'rx') {
      const size = o.segments.reduce((sum, part) => sum + part, 0);
      guest.buffers.push({ serial, size, isBad: isBad(o.fault), isSeen: false });
    }
    if (o.do === 'flags') guest.noInterrupt[o.queue === 0 ? 0 : 1] = o.value === 1;
    if (o.do === 'break') guest.isBroken = true;
    const isKick = (o.do === 'tx' || o.do === 'rx') && o.kick;
    if (isKick || o.do === 'notify' || (o.do === 'kick' && o.queue < 2)) this.#run(o.guest);
    // Any run of its device may take what is left, at a moment that nobody knows.
    for (const { item } of guest.untaken) {
      if (item !== undefined && !item.isMarked)
        this.#touchTable(o.guest, item.header.dstCid - 3, item.header, 'maybe');
      if (item !== undefined) item.isMarked = true;
    }
  }

  /** The end of a guest's life: nothing reaches it any longer, and its peers' connections with it end. */
  die(index: number): void {
    const guest = this.guest(index);
    guest.isUp = false;
    guest.life++;
    guest.owed = [];
    guest.spare.clear();
    guest.untaken = [];
    guest.chains = [];
    guest.buffers = [];
    for (const peer of this.others(index)) {
      const lane = this.lane(peer, index);
      lane.splice(0, lane.length, ...lane.filter((item) => !item.isTaken));
      for (const item of lane) item.isWild = true;
      this.table(index, peer).clear();
      this.guest(peer).isAware[index] = false;
    }
  }

  /** The guest's device has perhaps not yet reset the connections with a life of the peer that has ended. */
  isMourning(index: number, peer: number): boolean {
    return (this.guest(index).mourned[peer] ?? 0) < (this.guests[peer]?.life ?? 0);
  }

  /** The end of all lives before `life` has come to the guest's device: the connections with them are reset. */
  mourn(index: number, peer: number, life: number): void {
    const guest = this.guest(index);
    guest.mourned[peer] = life;
    const table = this.table(index, peer);
    for (const [key, certainty] of table) {
      const header = survivorReset(guest, peer, key);
      guest.owed.push({ header, kind: 'survivor', peer, must: certainty === 'sure' });
      if (certainty === 'sure') table.delete(key);
    }
  }

  /** Whether there is room for one more connection; `more` may be added before. */
  fits(index: number, peer: number, key: string, more = 0): 'yes' | 'no' | 'perhaps' {
    const quota = Math.floor(this.limits.connections / (this.guests.length - 1));
    const table = this.table(index, peer);
    const sure = [...table.values()].filter((certainty) => certainty === 'sure').length;
    const survivors = this.guest(index).owed.filter((o) => o.kind === 'survivor' && o.peer === peer).length;
    if (table.get(key) === 'sure' || table.size + survivors + more < quota) return 'yes';
    return sure >= quota && !table.has(key) && survivors === 0 && more === 0 ? 'no' : 'perhaps';
  }

  #boot(index: number, o: Operation & { do: 'boot' }): void {
    const guest = this.guest(index);
    if (guest.isUp) this.die(index);
    Object.assign(guest, { isUp: true, isBroken: false, features: o.features, noInterrupt: [false, false] });
    Object.assign(guest, { buffers: [], chains: [], untaken: [], isr: 0 });
    // What is still on its way was refused, or will now be delivered.
    for (const peer of this.others(index)) {
      for (const item of this.lane(peer, index)) {
        item.isWild ||= !item.isTaken;
        item.fate = 'unknown';
      }
    }
  }

  #send(index: number, o: Operation & { do: 'tx' }, serial: number): void {
    const guest = this.guest(index);
    const header: Header = { ...o.header, fwdCnt: serial };
    const verdict = judge(guest, o, this.guests.length);
    guest.chains.push(serial);
    if (verdict === 'drop') {
      guest.untaken.push({ serial, isSeen: false });
    } else if (verdict === 'reset') {
      guest.untaken.push({
        serial,
        isSeen: false,
        ...(header.op === op.rst ? {} : { reply: this.#owe(index, header, 'reply', index) }),
      });
    } else {
      const { life } = guest;
      const item: Item = {
        serial,
        header,
        life,
        fate: 'unknown',
        isTaken: false,
        isReturned: false,
        isWild: !guest.isAware[verdict.to] || guest.isBroken,
        isMarked: false,
        delivered: 0,
        isTold: false,
      };
      this.lane(index, verdict.to).push(item);
      guest.untaken.push({ serial, item, isSeen: false });
    }
  }

  #owe(index: number, header: Header, kind: Owed['kind'], peer: number, item?: Item): Owed {
    const owed: Owed = {
      header: resetOf(header),
      kind,
      peer,
      must: false,
      ...(item === undefined ? {} : { item }),
    };
    this.guest(index).owed.push(owed);
    return owed;
  }

  /** What a REQUEST or an RST of the guest does to its device's list of connections. */
  #touchTable(index: number, peer: number, header: Header, certainty: 'sure' | 'maybe'): void {
    const table = this.table(index, peer);
    const key = sentKey(header);
    const mourned = this.guest(index).owed.filter(
      (o) => o.kind === 'survivor' && o.peer === peer && receivedKey(o.header) === key,
    );
    if (header.op === op.request && table.get(key) !== 'sure') {
      const isSure = certainty === 'sure' && !this.isMourning(index, peer) && mourned.length === 0;
      table.set(key, isSure ? 'sure' : 'maybe');
      this.#crowd(index, peer);
    }
    if (header.op === op.rst) {
      for (const item of this.lane(index, peer)) item.isTold ||= sentKey(item.header) === key;
      for (const owed of mourned) owed.must = false;
      if (certainty === 'sure') table.delete(key);
      else if (table.has(key)) table.set(key, 'maybe');
    }
  }

  /** A connection of the guest's own may have taken the place of one that is on its way to it. */
  #crowd(index: number, peer: number): void {
    const requests = this.lane(peer, index).filter(
      (item) => item.header.op === op.request && item.fate === 'deliver',
    );
    for (const item of requests) {
      if (this.fits(index, peer, receivedKey(item.header), requests.length) === 'yes') continue;
      item.fate = 'unknown';
      this.#refusePerhaps(peer, item);
    }
  }

  /** The guest's device runs: it takes what is in the tx queue, if nothing holds it up. */
  #run(index: number): void {
    const guest = this.guest(index);
    for (const waiting of [...guest.untaken, ...guest.buffers]) waiting.isSeen = true;
    const replies = guest.owed.filter(({ kind }) => kind === 'reply').length;
    if (replies >= this.limits.replies || guest.untaken.length * 2 > this.limits.budget || guest.isBroken)
      return;
    for (const untaken of guest.untaken) this.take(index, untaken, true);
    guest.untaken = [];
  }

  /** A packet is taken: with what the world is now, its fate is certain, unless it could have been taken before. */
  take(index: number, { item, reply }: Untaken, isNow: boolean): void {
    if (reply !== undefined) reply.must = true;
    if (item === undefined) return;
    item.isTaken = true;
    if (item.isWild || !isNow || item.delivered > 0) {
      if (!item.isMarked) this.#touchTable(index, item.header.dstCid - 3, item.header, 'maybe');
      item.isMarked = true;
      this.#refusePerhaps(index, item);
      return;
    }
    const to = item.header.dstCid - 3;
    const { header } = item;
    const fits = header.op === op.request ? this.fits(index, to, sentKey(header)) : 'yes';
    const mayPass = fits === 'no' && item.isMarked ? 'perhaps' : fits;
    // What could have been taken before has perhaps met another table.
    const certainty = mayPass === 'yes' && !item.isMarked ? 'sure' : 'maybe';
    if (mayPass !== 'no') this.#touchTable(index, to, header, certainty);
    if (mayPass === 'no') {
      this.#remove(index, to, item);
      this.#owe(index, header, 'reply', index).must = true;
      return;
    }
    item.fate = mayPass === 'perhaps' ? 'unknown' : this.#fateAt(to, index, item);
    if (mayPass === 'perhaps') this.#owe(index, header, 'reply', index, item);
    if (item.fate !== 'deliver') this.#refusePerhaps(index, item);
  }

  /** What the receiver's device makes of a packet that its own device let pass. */
  #fateAt(to: number, from: number, item: Item): Fate {
    const receiver = this.guest(to);
    if (receiver.isBroken && receiver.isUp) return 'unknown';
    if (!receiver.isUp || !speaks(receiver, item.header.type)) return 'refuse';
    if (item.header.op !== op.request) return 'deliver';
    const ahead = this.lane(from, to).filter(
      (other) => other !== item && other.header.op === op.request,
    ).length;
    return this.fits(to, from, receivedKey(item.header), ahead) === 'yes' ? 'deliver' : 'unknown';
  }

  #refusePerhaps(index: number, item: Item): void {
    if (item.header.op !== op.rst) this.#owe(index, item.header, 'answer', item.header.dstCid - 3, item);
  }

  #remove(from: number, to: number, item: Item): void {
    const lane = this.lane(from, to);
    const at = lane.indexOf(item);
    if (at >= 0) lane.splice(at, 1);
  }

  /** For people: what is on its way. */
  explain(): string {
    const lines = this.guests.flatMap((guest, from) => [
      `guest ${from}: ${guest.isUp ? 'up' : 'down'}, ${guest.buffers.length} buffers, ${guest.owed.length} RSTs owed`,
      ...this.others(from).flatMap((to) =>
        this.lane(from, to).map(
          (item) => `  to ${to}: #${item.serial} ${describe(item.header)} (${item.fate})`,
        ),
      ),
    ]);
    return lines.join('\n');
  }
}
