// SPDX-License-Identifier: BSD-2-Clause
// Holds the tables of named mutants to the list of ids: one without a test or without a mutant is an error.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { coreDir, testNames } from '../vmm/compile.ts';
import { groups, judgeGroup, namedMutants, provenIds } from './named.ts';

const tests = testNames();

describe('every id has its test and its mutant', () => {
  for (const group of groups) {
    it(`${group.title}: ${group.ids.length}`, () => {
      expect(judgeGroup(group, tests)).toEqual([]);
    });
  }
});

it('a test of a statement, a bug class or a case is named after it', () => {
  const ids = groups.slice(0, 3).flatMap((group) => group.ids);
  expect(ids.filter((id) => !tests.some((name) => name.startsWith(`${id}_`)))).toEqual([]);
});

it('the text of each occurs once, so that it can be broken', () => {
  const wrong = namedMutants.filter(
    ({ file, find }) => readFileSync(join(coreDir, file), 'utf8').split(find).length !== 2,
  );
  expect(wrong.map(({ id, why }) => `${id}: ${why}`)).toEqual([]);
});

it('a hole in a table is noticed', () => {
  const [group] = groups;
  if (group === undefined) throw new Error('no groups');
  const holed = { ...group, mutants: group.mutants.filter(({ id }) => id !== 'S3') };
  expect(judgeGroup(holed, tests)).toEqual(['S3 has no mutant']);
  expect(judgeGroup({ ...group, ids: group.ids.slice(1) }, tests)).toEqual(['S1 is no id']);
  expect(
    judgeGroup(
      group,
      tests.filter((name) => !name.startsWith('C9_')),
    ),
  ).toContain('C9 has no test: none is called C9_');
  const [first] = group.mutants;
  if (first === undefined) throw new Error('no mutants');
  expect(provenIds(group, new Set([first]))).not.toContain(first.id);
});
