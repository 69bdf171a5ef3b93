// SPDX-License-Identifier: BSD-2-Clause
// The ids that the project's list of facts about virtio sockets gives to statements, bug classes and the defects of
// upstream's device. Each must have a C test that is named after it, or that covers it, and a mutant which that very
// test kills.

import { bugMutants } from './bugs.ts';
import type { Mutant } from './mutant.ts';
import { statementMutants } from './statements.ts';
import { caseMutants, defectMutants } from './upstream.ts';

/** A mutant that stands for an id; its killer is the id's test. */
export interface NamedMutant extends Mutant {
  readonly id: string;
}

export interface Group {
  /** As in `statements 18 of 18`. */
  readonly title: string;
  readonly ids: readonly string[];
  readonly mutants: readonly NamedMutant[];
}

/** virtio 5.10.6.7 has no number in the list. */
const transportReset = 'event';

export const groups: readonly Group[] = [
  {
    title: 'statements',
    ids: [...numbered('S', 6), ...numbered('C', 11), transportReset],
    mutants: statementMutants,
  },
  { title: 'bug classes', ids: numbered('bug_', 18, 2), mutants: bugMutants },
  { title: "upstream's cases", ids: numbered('case_', 19, 2), mutants: caseMutants },
  { title: "upstream's defects", ids: [...numbered('M', 9), ...numbered('D', 10)], mutants: defectMutants },
];

export const namedMutants: readonly NamedMutant[] = groups.flatMap((group) => group.mutants);

/** What is missing from a group's table: ids without a mutant or without a test, and mutants without an id. */
export function judgeGroup(group: Group, tests: readonly string[]): string[] {
  const has = (id: string): boolean => group.mutants.some((mutant) => mutant.id === id);
  return [
    ...group.ids.filter((id) => !has(id)).map((id) => `${id} has no mutant`),
    ...group.mutants.filter(({ id }) => !group.ids.includes(id)).map(({ id }) => `${id} is no id`),
    ...group.mutants
      .filter(({ killer }) => killer !== 'fences' && !tests.some((name) => name.includes(killer)))
      .map(({ id, killer }) => `${id} has no test: none is called ${killer}`),
  ];
}

/** The ids of which every mutant was killed by the id's own test. */
export const provenIds = (group: Group, survivors: ReadonlySet<Mutant>): string[] =>
  group.ids.filter((id) => {
    const own = group.mutants.filter((mutant) => mutant.id === id);
    return own.length > 0 && own.every((mutant) => !survivors.has(mutant));
  });

function numbered(prefix: string, count: number, width = 1): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${String(i + 1).padStart(width, '0')}`);
}
