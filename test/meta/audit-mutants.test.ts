// SPDX-License-Identifier: BSD-2-Clause
// Whatever is added to, taken from or changed in what the real tool wrote is found: everything systematically in a system
// that has everything, then several things at once at random.
import { array, assert, nat, property, tuple } from 'fast-check';
import { beforeEach, expect, it } from 'vitest';
import { auditSystem } from '../../meta/audit/audit.ts';
import { parseJson } from '../../meta/audit/json.ts';
import { readCapdl } from '../../meta/audit/parse.ts';
import { Refusal } from '../../meta/diagnostic.ts';
import { type BuiltSystem, buildSystem, needMicrokit } from './audit-image.ts';
import { additions, changes, type Mutant, removals, type Spec } from './audit-mutants.ts';
import { domainSystem, smallSystem, wholePrefills, wholeSystem } from './audit-systems.ts';

beforeEach((ctx) => needMicrokit(ctx));

const specOf = ({ json }: BuiltSystem): Spec => parseJson(json, 'capdl.json') as unknown as Spec;

/** Codes of what is found; a mutant that is no capDL any more is found by the reader. */
function codesOf(built: BuiltSystem, spec: unknown): string[] {
  try {
    return auditSystem(built.system, readCapdl(spec, 'capdl.json'), built).findings.map(({ code }) => code);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.diagnostics.map(({ code }) => code);
  }
}

/** Of the large system `npm test` looks at every 5th; VMBUILD_AUDIT_MUTANTS=all, at each. */
function expectFound(name: string, built: BuiltSystem, mutants: Iterable<Mutant>, every = 1): void {
  let count = 0;
  const missed: string[] = [];
  for (const [i, { what, spec }] of [...mutants].entries()) {
    if (i % every !== 0) continue;
    count += 1;
    if (codesOf(built, spec).length === 0) missed.push(what);
  }
  process.stdout.write(`${name}: found ${count - missed.length} of ${count}\n`);
  expect(missed).toEqual([]);
  expect(count).toBeGreaterThan(0);
}

it.each([
  ['small', smallSystem, {}],
  ['domains', domainSystem, {}],
  ['whole', wholeSystem, wholePrefills],
] as const)('%s: finds what is added, taken away and changed', async (name, system, prefills) => {
  const built = await buildSystem(name, system, { prefills });
  const spec = specOf(built);
  expect(codesOf(built, spec)).toEqual([]);
  const every = name === 'whole' && process.env['VMBUILD_AUDIT_MUTANTS'] !== 'all' ? 5 : 1;
  expectFound(`${name}: added by hand`, built, additions(spec), every);
  expectFound(`${name}: taken away`, built, removals(spec), every);
  expectFound(`${name}: changed`, built, changes(spec), every);
});

it('finds several at once', async () => {
  const built = await buildSystem('several', smallSystem);
  const spec = specOf(built);
  const kinds = [additions, removals, changes].map((make) => [...make(spec)]);
  const pick = tuple(nat(kinds.length - 1), nat());
  assert(
    property(array(pick, { minLength: 1, maxLength: 6 }), (picks) => {
      // Each mutant is made of what the ones before have left.
      let mutated = spec;
      for (const [kind, index] of picks) {
        const make = [additions, removals, changes][kind] ?? additions;
        const all = mutated === spec ? (kinds[kind] ?? []) : [...make(mutated)];
        mutated = all[index % Math.max(1, all.length)]?.spec ?? mutated;
      }
      return isSame(spec, mutated) || codesOf(built, mutated).length > 0;
    }),
    { numRuns: 60 },
  );
});

/** A later mutant may undo an earlier one. */
const isSame = (a: unknown, b: unknown): boolean => print(a) === print(b);
const print = (value: unknown): string =>
  JSON.stringify(value, (_name, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item));
