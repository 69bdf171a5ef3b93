// SPDX-License-Identifier: BSD-2-Clause
// How one can make itself noticed by another, in one step, and the shortest way in several.

import { type Authority, controlledBy, type Held, isReceivingEnd, type Subject } from './authority.ts';
import type { Because } from './because.ts';
import { tcbSlot } from './microkit.ts';
import type { ProgramTrust } from './policy.ts';

export interface Step {
  readonly from: string;
  readonly to: string;
  /** `'a' writes and 'b' reads memory region 'x'` */
  readonly text: string;
  readonly because: readonly (Because | undefined)[];
}

/** The shortest way for something from `a` to `b`; undefined if there is none. */
export function findPath(
  authority: Authority,
  subjects: ReadonlyMap<string, Subject>,
  { a, b, programs }: { a: string; b: string; programs: ProgramTrust },
): readonly Step[] | undefined {
  const steps = new Map<string, Step[]>();
  for (const step of allSteps(authority, subjects, programs)) {
    const known = steps.get(step.from);
    if (known === undefined) steps.set(step.from, [step]);
    else known.push(step);
  }
  const ways = new Map<string, readonly Step[]>([[a, []]]);
  // A map is walked in the order in which it grows, so the nearest come first.
  for (const [name, way] of ways) {
    if (name === b) return way;
    for (const step of steps.get(name) ?? []) if (!ways.has(step.to)) ways.set(step.to, [...way, step]);
  }
  return undefined;
}

function* allSteps(
  authority: Authority,
  subjects: ReadonlyMap<string, Subject>,
  programs: ProgramTrust,
): Generator<Step> {
  yield* memorySteps(subjects);
  yield* signalSteps(authority, subjects);
  yield* callSteps(subjects, programs);
  yield* controlSteps(subjects);
  yield* portSteps(authority, subjects);
}

/** One step per pair and direction, however much memory they share. */
function* memorySteps(subjects: ReadonlyMap<string, Subject>): Generator<Step> {
  const readers = new Map<number, Map<string, Because | undefined>>();
  for (const { name, memory } of subjects.values())
    for (const { key, isReadable, because } of memory) {
      if (!isReadable) continue;
      const ofKey = readers.get(key) ?? new Map<string, Because | undefined>();
      readers.set(key, ofKey.set(name, because));
    }
  for (const { name: from, memory } of subjects.values()) {
    const done = new Set([from]);
    for (const { key, name, isWritable, because } of memory) {
      if (!isWritable) continue;
      for (const [to, why] of readers.get(key) ?? []) {
        if (done.has(to)) continue;
        done.add(to);
        yield { from, to, text: `'${from}' writes ${name}, which '${to}' reads`, because: [because, why] };
      }
    }
  }
}

/** A notification that a thread is bound to can be waited for by nobody else (seL4's receiveSignal). */
function* signalSteps(authority: Authority, subjects: ReadonlyMap<string, Subject>): Generator<Step> {
  const bound = new Map<number, string[]>();
  for (const { name, held } of subjects.values())
    for (const { to, slot, isBound } of held)
      if (isBound && slot === tcbSlot.notification) bound.set(to, [...(bound.get(to) ?? []), name]);
  const waiting = (notification: number): readonly string[] =>
    bound.get(notification) ??
    [...subjects.values()].flatMap(({ name, held }) =>
      held.some(
        ({ to, kind, rights }) => to === notification && kind === 'Notification' && rights.includes('r'),
      )
        ? [name]
        : [],
    );
  for (const { name: from, held } of subjects.values())
    for (const { to, kind, rights, isBound, because } of held) {
      if (kind !== 'Notification' || isBound || !rights.includes('w')) continue;
      for (const name of waiting(to))
        if (name !== from)
          yield {
            from,
            to: name,
            text: `'${from}' notifies '${name}' ('${authority.nodes[to]?.name}')`,
            because: [because],
          };
    }
}

/** A call comes back with an answer, and so does a fault. */
function* callSteps(subjects: ReadonlyMap<string, Subject>, programs: ProgramTrust): Generator<Step> {
  const ends = [...subjects.values()].flatMap(({ name, held }) =>
    held.flatMap((end) => (end.kind === 'Endpoint' ? [{ name, end }] : [])),
  );
  const receives = (end: Held): boolean =>
    !end.isBound && end.rights.includes('r') && (programs === 'any' || isReceivingEnd(end));
  for (const { name: caller, end: sending } of ends) {
    if (!sending.rights.includes('w')) continue;
    for (const { name: callee, end } of ends) {
      if (callee === caller || end.to !== sending.to || !receives(end)) continue;
      const text = `'${caller}' ${sending.isBound ? 'has its faults handled by' : 'can call'} '${callee}'`;
      const because = [sending.because, end.because];
      yield { from: caller, to: callee, text, because };
      yield { from: callee, to: caller, text: `${text}, which answers`, because };
    }
  }
}

/** Threads, address spaces, time: who holds another's can read and change it. */
function* controlSteps(subjects: ReadonlyMap<string, Subject>): Generator<Step> {
  for (const subject of subjects.values()) {
    const times = subject.held.flatMap((by) =>
      !by.isBound && shared.has(by.kind)
        ? [...subjects.values()]
            .filter(
              ({ name, held }) =>
                name !== subject.name && held.some(({ to, holder }) => to === by.to && holder !== by.holder),
            )
            .map((target) => ({ target, by }))
        : [],
    );
    for (const { target, by } of [...controlledBy(subject, subjects), ...times]) {
      const text = `'${subject.name}' holds the ${by.kind} of '${target.name}'`;
      yield { from: subject.name, to: target.name, text, because: [by.because] };
      yield { from: target.name, to: subject.name, text, because: [by.because] };
    }
  }
}

const shared: ReadonlySet<string> = new Set([
  'SchedContext',
  'Reply',
  'IrqHandler',
  'ArmIrqHandler',
  'IrqMsiHandler',
  'IrqIOApicHandler',
  'RiscvIrqHandler',
]);

/** Two objects may stand for one port. */
function* portSteps(authority: Authority, subjects: ReadonlyMap<string, Subject>): Generator<Step> {
  const ports = [...subjects.values()].flatMap(({ name, held }) =>
    held.flatMap(({ kind, to, because }) => {
      const { start, end } = authority.nodes[to]?.attributes ?? {};
      return kind === 'IOPorts' && typeof start === 'bigint' && typeof end === 'bigint'
        ? [{ name, start, end, because }]
        : [];
    }),
  );
  for (const one of ports)
    for (const other of ports)
      if (one.name !== other.name && one.start <= other.end && other.start <= one.end)
        yield {
          from: one.name,
          to: other.name,
          text: `'${one.name}' and '${other.name}' have port ${one.start} in common`,
          because: [one.because, other.because],
        };
}
