// SPDX-License-Identifier: BSD-2-Clause
// Compares what the guests see with what the model allows. A difference is a Violation.

import { describe, endFlags, type Header, op, payloadHash } from './packet.ts';
import type { Model } from './model.ts';
import type { Operation } from './operations.ts';
import { type Guest, type Item, type Owed, owedKey, receivedKey, sentKey } from './state.ts';

export class Violation extends Error {}

/** A receive buffer or a sent chain that came back. */
export interface Used {
  readonly guest: number;
  readonly serial: number;
  readonly length: number;
  /** The packet in a receive buffer, and the hash of its payload. */
  readonly packet?: { readonly header: Header; readonly hash: number };
}

export interface Registers {
  readonly status: number;
  readonly isr: number;
  readonly irq: number;
  readonly rises: number;
  readonly falls: number;
}

/** Everything that the guests see after one operation. */
export interface Sight {
  readonly received: readonly Used[];
  readonly sent: readonly Used[];
  readonly registers: readonly Registers[];
  readonly complaints: readonly string[];
  readonly isSkipped: boolean;
}

export function observe(model: Model, o: Operation, sight: Sight): void {
  for (const complaint of sight.complaints) throw new Violation(complaint);
  // A driver that broke its queue is told at once; what it saw before is judged before its life ends.
  const failed = model.guests.map((_, i) => isFailed(sight, i));
  const first = (used: Used): number => (failed[used.guest] === true ? 0 : 1);
  for (const used of sight.sent) observeSent(model, used);
  for (const used of sight.received.filter((one) => first(one) === 0)) observeReceived(model, used);
  for (const [index, guest] of model.guests.entries()) {
    if (failed[index] === true && guest.isUp) {
      if (!guest.isBroken)
        throw new Violation(`guest ${index} was asked for a reset, and has done nothing wrong`);
      model.die(index);
    }
  }
  for (const used of sight.received.filter((one) => first(one) === 1)) observeReceived(model, used);
  for (const index of model.guests.keys()) observeRegisters(model, o, index, sight);
}

const needsReset = 64;
const isFailed = (sight: Sight, index: number): boolean =>
  ((sight.registers[index]?.status ?? 0) & needsReset) !== 0;

function observeSent(model: Model, { guest: index, serial, length }: Used): void {
  const guest = model.guest(index);
  if (!guest.chains.includes(serial)) throw new Violation(`guest ${index}: chain #${serial} came back twice`);
  if (length !== 0)
    throw new Violation(`guest ${index}: chain #${serial} came back with length ${length}, not 0`);
  guest.chains = guest.chains.filter((other) => other !== serial);
  const untaken = guest.untaken.find((other) => other.serial === serial);
  if (untaken !== undefined) {
    guest.untaken = guest.untaken.filter((other) => other !== untaken);
    model.take(index, untaken, false);
  }
  for (const to of model.others(index)) {
    for (const item of model.lane(index, to))
      item.isReturned ||= item.serial === serial && item.life === guest.life;
  }
}

function observeReceived(model: Model, used: Used): void {
  const { guest: index, serial, length, packet } = used;
  const guest = model.guest(index);
  const buffer = guest.buffers.shift();
  if (buffer?.serial !== serial)
    throw new Violation(`guest ${index}: buffer #${serial} came back before #${buffer?.serial}`);
  if (length === 0 && (buffer.isBad || buffer.size < 45)) return;
  if (buffer.isBad) throw new Violation(`guest ${index}: a packet in buffer #${serial}, which is broken`);
  if (packet === undefined || length > buffer.size || packet.header.len !== length - 44)
    throw new Violation(
      `guest ${index}: buffer #${serial} of ${buffer.size} with used length ${length} and len ${packet?.header.len}`,
    );
  const { header } = packet;
  if (header.dstCid !== guest.cid)
    throw new Violation(`guest ${index}: ${describe(header)} is for somebody else`);
  if (header.op === op.rst && header.fwdCnt === 0 && header.bufAlloc === 0 && header.len === 0)
    observeReset(model, index, header);
  else observePacket(model, index, header, packet.hash);
}

/** A piece of a guest's packet: the next one of its lane, or else what is skipped must be something that may be lost. */
function observePacket(model: Model, index: number, header: Header, hash: number): void {
  const from = header.srcCid - 3;
  const lane = model.lane(from, index);
  const item = lane.find(({ serial }) => serial === header.fwdCnt);
  if (item === undefined || from === index)
    throw new Violation(
      `guest ${index}: ${describe(header)} was never sent, is a double, or for another life`,
    );
  if (item.life > (model.guest(index).seenLife[from] ?? 0)) beginLife(model, index, from, item.life);
  for (const skipped of lane.slice(0, lane.indexOf(item))) judgeSkipped(from, skipped, item);
  lane.splice(0, lane.indexOf(item));
  judgePiece(index, item, header, hash);
  if (item.delivered === item.header.len) {
    lane.shift();
    finish(model, index, from, item);
  }
}

/** One piece must be what was sent, from where the last one ended. */
function judgePiece(index: number, item: Item, header: Header, hash: number): void {
  const end = item.delivered + header.len;
  const isWhole = hash === payloadHash(item.serial, item.delivered, end);
  const flags =
    end === item.header.len || item.header.op !== op.rw ? item.header.flags : item.header.flags & ~endFlags;
  const want = describe({ ...item.header, len: header.len, flags });
  if (want !== describe(header)) throw new Violation(`guest ${index}: got ${describe(header)}, want ${want}`);
  if (header.len === 0 && item.header.len > 0)
    throw new Violation(`guest ${index}: an empty piece of ${describe(item.header)}`);
  if (end > item.header.len)
    throw new Violation(`guest ${index}: more than was sent of ${describe(item.header)}`);
  if (!isWhole)
    throw new Violation(`guest ${index}: wrong bytes in ${describe(header)}, from byte ${item.delivered}`);
  item.delivered = end;
}

function judgeSkipped(from: number, skipped: Item, next: Item): void {
  const isCutOff = skipped.life < next.life && !skipped.isReturned;
  const isStarted = skipped.delivered > 0;
  if (isCutOff || (!isStarted && skipped.fate !== 'deliver')) return;
  throw new Violation(
    `guest ${from}: ${describe(skipped.header)} was lost: ${describe(next.header)} came instead`,
  );
}

/** The first packet of the peer's next life: every connection with the last one must have been reset by now. */
function beginLife(model: Model, index: number, from: number, life: number): void {
  const guest = model.guest(index);
  guest.seenLife[from] = life;
  if ((guest.mourned[from] ?? 0) < life) model.mourn(index, from, life);
  const late = guest.owed.find((owed) => owed.kind === 'survivor' && owed.peer === from && owed.must);
  const isAmbiguous =
    late !== undefined && guest.owed.filter((o) => owedKey(o.header) === owedKey(late.header)).length > 1;
  if (late !== undefined && !isAmbiguous)
    throw new Violation(
      `guest ${index}: a packet of guest ${from}'s next life before ${describe(late.header)}`,
    );
}

/** All of a packet has arrived: what it does to the receiver's list of connections. */
function finish(model: Model, index: number, from: number, item: Item): void {
  const guest = model.guest(index);
  guest.owed = guest.owed.filter((owed) => owed.item !== item);
  for (const owed of model.guest(from).owed.filter((o) => o.item === item)) {
    if (owed.must)
      throw new Violation(`guest ${index}: ${describe(item.header)} was refused, and came all the same`);
  }
  model.guest(from).owed = model.guest(from).owed.filter((owed) => owed.item !== item);
  const key = receivedKey(item.header);
  const table = model.table(index, from);
  if (item.header.op === op.request) {
    if (model.fits(index, from, key) === 'no')
      throw new Violation(`guest ${index}: more connections than the quota: ${describe(item.header)}`);
    const survivors = guest.owed.some((owed) => owed.kind === 'survivor' && receivedKey(owed.header) === key);
    table.set(key, survivors ? 'maybe' : 'sure');
  }
  if (item.header.op === op.rst) {
    table.delete(key);
    tell(model, index, from, key);
  }
}

/** An RST that a device made up: somebody must owe it. */
function observeReset(model: Model, index: number, header: Header): void {
  const guest = model.guest(index);
  const peer = header.srcCid - 3;
  const key = owedKey(header);
  const find = (): Owed[] => guest.owed.filter((owed) => owedKey(owed.header) === key);
  let owing = find();
  if (owing.length === 0 && model.isMourning(index, peer)) {
    // Of one life at least; that of several may come at once.
    model.mourn(index, peer, Math.max(guest.mourned[peer] ?? 0, guest.seenLife[peer] ?? 0) + 1);
    owing = find();
  }
  const best = owing.find((owed) => owed.must) ?? owing[0];
  if (best === undefined) throw new Violation(`guest ${index}: nobody owes ${describe(header)}`);
  // A packet is answered once, whoever does it.
  const isSettled = (owed: Owed): boolean =>
    owed === best || (best.item !== undefined && owed.item === best.item);
  guest.owed = guest.owed.filter((owed) => !isSettled(owed));
  // It may as well have been another packet's, of which it is not known yet that it must be answered.
  if (!best.must && owing.some((owed) => !isSettled(owed)))
    guest.spare.set(key, (guest.spare.get(key) ?? 0) + 1);
  const isSure = owing.every((owed) => owed.kind === best.kind) && !model.isMourning(index, peer);
  const table = model.table(index, peer);
  const own = receivedKey(header);
  if (best.kind !== 'reply' && isSure) table.delete(own);
  else if (!isSure && table.has(own)) table.set(own, 'maybe');
  if (best.kind === 'answer' && isSure && best.item !== undefined) {
    const lane = model.lane(index, peer);
    const at = lane.indexOf(best.item);
    if (at >= 0 && best.item.delivered > 0)
      throw new Violation(
        `guest ${index}: half of ${describe(best.item.header)} was delivered, then it was refused`,
      );
    if (at >= 0) lane.splice(at, 1);
  }
  tell(model, index, peer, own);
}

/** The guest knows now that this connection is gone. */
function tell(model: Model, index: number, peer: number, key: string): void {
  for (const item of peer < 0 || peer >= model.guests.length ? [] : model.lane(index, peer))
    item.isTold ||= sentKey(item.header) === key;
}

function observeRegisters(model: Model, o: Operation, index: number, sight: Sight): void {
  const guest = model.guest(index);
  const now = sight.registers[index];
  if (now === undefined) throw new Violation(`guest ${index} was not looked at`);
  const where = `guest ${index}, after ${o.do}`;
  if (now.irq !== (now.isr !== 0 ? 1 : 0))
    throw new Violation(`${where}: interrupt ${now.irq}, InterruptStatus ${now.isr}`);
  if (now.rises > 1 || now.falls > 1)
    throw new Violation(`${where}: ${now.rises} interrupts, ${now.falls} ends`);
  const before = guest.isr;
  const wanted = wantsInterrupt(guest, index, sight);
  if (!guest.isUp) {
    if ((now.isr & 1) > (before & 1)) throw new Violation(`${where}: a used interrupt without a driver`);
  } else if ((now.isr & 1) !== (wanted ? 1 : before & 1)) {
    throw new Violation(`${where}: used interrupt ${now.isr & 1}, want ${wanted ? 1 : before & 1}`);
  } else if (o.do === 'boot' && o.guest === index && now.status !== 15) {
    throw new Violation(`${where}: status ${now.status}, want 15`);
  }
  guest.isr = now.isr;
}

/** C8: a used buffer, and no word that interrupts are not wanted. */
const wantsInterrupt = (guest: Guest, index: number, sight: Sight): boolean =>
  (!guest.noInterrupt[0] && sight.received.some((used) => used.guest === index)) ||
  (!guest.noInterrupt[1] && sight.sent.some((used) => used.guest === index));
