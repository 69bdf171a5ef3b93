// SPDX-License-Identifier: BSD-2-Clause
// All memory that somebody can touch, also by the hand of those whose threads, processors or address spaces they hold, and
// what two have in common.

import { controlledBy, creatorOf, type Held, type MemoryAccess, type Subject } from './authority.ts';

export interface Reached extends MemoryAccess {
  /** `'a'`, or `'a', who holds the Tcb of 'b',` */
  readonly who: string;
}

export interface Reach {
  readonly memory: ReadonlyMap<number, Reached>;
  readonly creator: { readonly who: string; readonly by: Held } | undefined;
}

/** Everything that `name` can touch: its own, and that of everybody it has in hand. The widest access counts. */
export function reachOf(subjects: ReadonlyMap<string, Subject>, name: string): Reach {
  const memory = new Map<number, Reached>();
  let creator: Reach['creator'];
  const way = new Map<string, string>([[name, `'${name}'`]]);
  for (const [current, who] of way) {
    const subject = subjects.get(current);
    if (subject === undefined) continue;
    for (const access of subject.memory) {
      const known = memory.get(access.key);
      memory.set(access.key, known === undefined ? { ...access, who } : widest(known, { ...access, who }));
    }
    const by = creatorOf(subject);
    if (by !== undefined) creator ??= { who, by };
    for (const { target, by: control } of controlledBy(subject, subjects))
      if (!way.has(target.name))
        way.set(target.name, `${who}, who holds the ${control.kind} of '${target.name}',`);
  }
  return { memory, creator };
}

const widest = (a: Reached, b: Reached): Reached =>
  b.isWritable && !a.isWritable
    ? { ...b, isReadable: a.isReadable || b.isReadable }
    : { ...a, isReadable: a.isReadable || b.isReadable };

export const access = ({ isReadable, isWritable }: MemoryAccess): string =>
  isReadable && isWritable ? 'reads and writes' : isWritable ? 'writes' : 'reads';

export type Shared = readonly [Reached, Reached];

export const sharedMemory = (a: Reach, b: Reach): Shared[] =>
  [...a.memory].flatMap(([key, one]) => {
    const other = b.memory.get(key);
    return other === undefined ? [] : [[one, other] as const];
  });

/** Pages that the same two lines give are one finding: the first of them, and how many they are. */
export function byLines(shared: readonly Shared[]): readonly (readonly [Shared, number])[] {
  const groups = new Map<string, { readonly first: Shared; count: number }>();
  for (const pair of shared) {
    const [one, other] = pair;
    const key = JSON.stringify(
      [one, other].map((end) => [end.who, end.because?.text ?? end.key, end.isWritable]),
    );
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: pair, count: 1 });
    else group.count += 1;
  }
  return [...groups.values()].map(({ first, count }) => [first, count]);
}
