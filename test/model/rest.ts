// SPDX-License-Identifier: BSD-2-Clause
// The world has come to rest: what was uncertain is decided, and what had to come must have come by now.

import { Violation } from './observe.ts';
import { describe, op } from './packet.ts';
import type { Model } from './model.ts';
import { type Guest, type Item, type Owed, owedKey } from './state.ts';

/** A receive buffer takes any packet. */
const isOpen = (guest: Guest): boolean =>
  guest.isUp &&
  !guest.isBroken &&
  guest.buffers.some((buffer) => buffer.isSeen && !buffer.isBad && buffer.size > 44);

/** Nothing waits for this guest's buffers. */
const flows = (guest: Guest): boolean => isOpen(guest) || !guest.isUp;

export function comeToRest(model: Model): void {
  const indices = [...model.guests.keys()];
  for (const index of indices) takeTheRest(model, index);
  const pairs = indices.flatMap((from) => model.others(from).map((to) => [from, to] as const));
  const still = pairs.filter(([from, to]) => flows(model.guest(from)) && flows(model.guest(to)));
  for (const [from, to] of still) decide(model, from, to);
  for (const [from, to] of pairs.filter(
    ([at, of]) => still.some((pair) => pair[0] === at && pair[1] === of) || reads(model, at, of),
  )) {
    model.guest(from).isAware[to] = true;
    if (model.isMourning(from, to)) model.mourn(from, to, model.guest(to).life);
  }
  for (const [from, to] of still) judgeLane(model, from, to);
  if (model.guests.every(flows)) {
    for (const index of indices) judgeGuest(model, index);
  }
}

/** Nothing from a peer waits for the guest's buffers: so its device has read everything that the peer's has to say. */
const reads = (model: Model, index: number, peer: number): boolean =>
  model.lane(peer, index).length === 0 &&
  !model.guest(index).owed.some((owed) => owed.kind !== 'reply' && owed.peer === peer);

/** A device that has run has taken everything, unless its guest does not take the RSTs for it. */
function takeTheRest(model: Model, index: number): void {
  const guest = model.guest(index);
  if (!isOpen(guest)) return;
  for (const untaken of guest.untaken.filter(({ isSeen }) => isSeen)) model.take(index, untaken, false);
  guest.untaken = guest.untaken.filter(({ isSeen }) => !isSeen);
}

/** Packets that the receiver does not take have been refused. */
function decide(model: Model, from: number, to: number): void {
  const lane = model.lane(from, to);
  for (const item of lane.filter((one) => one.isTaken && one.fate === 'refuse')) {
    for (const owed of model.guest(from).owed) {
      if (owed.item === item) owed.must = item.life === model.guest(from).life;
    }
    lane.splice(lane.indexOf(item), 1);
  }
}

function judgeLane(model: Model, from: number, to: number): void {
  const sender = model.guest(from);
  const lane = model.lane(from, to);
  for (const item of lane.filter((one) => one.isTaken || one.life < sender.life)) {
    const isOfNow = item.life === sender.life;
    const mustCome = isOfNow
      ? item.delivered > 0 || item.fate === 'deliver'
      : item.isReturned && item.fate === 'deliver';
    if (mustCome && model.guest(to).isUp)
      throw new Violation(`guest ${to}: ${describe(item.header)} never came\n${model.explain()}`);
    if (isOfNow && isLostSilently(item))
      throw new Violation(`guest ${from}: ${describe(item.header)} was lost, and no RST told of it`);
  }
  lane.splice(0, lane.length, ...lane.filter((one) => !one.isTaken && one.life === sender.life));
}

/** A connection that was asked for is accepted, or refused, or never heard of again: the last must not be. */
const isLostSilently = (item: Item): boolean => item.header.op === op.request && !item.isTold;

/** Counted for another one that has the same name and was not a must. */
function hasCome(guest: Guest, owed: Owed): boolean {
  const key = owedKey(owed.header);
  const spare = guest.spare.get(key) ?? 0;
  guest.spare.set(key, spare - 1);
  return spare > 0;
}

function judgeGuest(model: Model, index: number): void {
  const guest = model.guest(index);
  const missing = guest.owed.find((owed) => owed.must && !hasCome(guest, owed));
  guest.spare.clear();
  if (missing !== undefined && guest.isUp)
    throw new Violation(
      `guest ${index}: ${describe(missing.header)} never came (${missing.kind})\n${model.explain()}`,
    );
  const open = guest.untaken;
  guest.owed = guest.owed.filter((owed) =>
    open.some(({ item, reply }) => reply === owed || (item !== undefined && item === owed.item)),
  );
  const lost = guest.chains.find((serial) => !open.some((untaken) => untaken.serial === serial));
  if (lost !== undefined && guest.isUp && !guest.isBroken)
    throw new Violation(`guest ${index}: chain #${lost} never came back`);
}
