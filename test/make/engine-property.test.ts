// SPDX-License-Identifier: BSD-2-Clause
// Random plans, random edits: the steps that ran are exactly those that a reference computation names, and all jobs at
// a time make the same files as one.
//
// The reference knows contents, not times: a step runs if the content of its inputs is not what it was when it last
// ran, or if its output is not what it then made.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { runSteps } from '../../make/engine.ts';
import type { Step } from '../../make/step.ts';
import { read, scratchDir, write } from './scratch.ts';

const sourceCount = 4;

/** Step i reads sources (numbers below sourceCount) and outputs of earlier steps; `lossy` ones drop what they read. */
interface Plan {
  readonly steps: readonly { readonly inputs: readonly number[]; readonly lossy: boolean }[];
}
type Edit =
  | { readonly kind: 'source'; readonly which: number; readonly text: string }
  | { readonly kind: 'output'; readonly which: number; readonly text: string }
  | { readonly kind: 'delete'; readonly which: number };

const plans: fc.Arbitrary<Plan> = fc
  .array(fc.tuple(fc.array(fc.nat(99), { minLength: 1, maxLength: 4 }), fc.boolean()), {
    minLength: 1,
    maxLength: 12,
  })
  .map((rows) => ({
    steps: rows.map(([inputs, lossy], i) => ({
      inputs: [...new Set(inputs.map((input) => input % (sourceCount + i)))],
      lossy,
    })),
  }));
// Few texts of one length, so that edits come back and sizes tell nothing.
const texts = fc.constantFrom('x', 'y', 'z');
const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('source' as const), which: fc.nat(sourceCount - 1), text: texts }),
    fc.record({ kind: fc.constant('output' as const), which: fc.nat(11), text: texts }),
    fc.record({ kind: fc.constant('delete' as const), which: fc.nat(11) }),
  ),
  { maxLength: 3 },
);

const fileName = (index: number): string => (index < sourceCount ? `s${index}` : `o${index - sourceCount}`);
const join4 = (lossy: boolean, contents: readonly string[]): string =>
  // A lossy step sees only whether there is an x: many edits end at it.
  lossy ? String(contents.some((content) => content.includes('x'))) : `(${contents.join(',')})`;

function toSteps(plan: Plan): Step[] {
  return plan.steps.map(({ inputs, lossy }, i) => ({
    name: `o${i}`,
    action: {
      kind: 'fn',
      key: String(lossy),
      run: async (io) => {
        const contents = await Promise.all(
          inputs.map(async (input) => (await io.read(fileName(input))).toString()),
        );
        await io.write(`o${i}`, join4(lossy, contents));
      },
    },
    inputs: inputs.map(fileName),
    outputs: [`o${i}`],
  }));
}

/** What is in the files, and what each step saw and made when it last ran. */
interface Reference {
  readonly files: Map<string, string>;
  readonly records: Map<number, { seen: string; made: string }>;
}

function runReference(plan: Plan, { files, records }: Reference): string[] {
  const ran: string[] = [];
  for (const [i, { inputs, lossy }] of plan.steps.entries()) {
    const contents = inputs.map((input) => files.get(fileName(input)) ?? '');
    const seen = JSON.stringify(contents);
    const record = records.get(i);
    if (record?.seen === seen && record.made === files.get(`o${i}`)) continue;
    const made = join4(lossy, contents);
    ran.push(`o${i}`);
    files.set(`o${i}`, made);
    records.set(i, { seen, made });
  }
  return ran;
}

it('runs what the reference runs, and makes what it makes, in parallel as in series', async () => {
  await fc.assert(
    fc.asyncProperty(plans, fc.array(edits, { maxLength: 4 }), async (plan, rounds) => {
      const directories = [scratchDir(), scratchDir()];
      const reference: Reference = { files: new Map(), records: new Map() };
      const setFile = (name: string, text: string | undefined): void => {
        if (text === undefined) reference.files.delete(name);
        else reference.files.set(name, text);
        for (const directory of directories)
          if (text === undefined) rmSync(join(directory, name), { force: true });
          else write(directory, name, text);
      };
      for (let i = 0; i < sourceCount; i += 1) setFile(fileName(i), 'x');
      for (const round of [[], ...rounds, []]) {
        for (const edit of round) {
          const name = edit.kind === 'source' ? `s${edit.which}` : `o${edit.which % plan.steps.length}`;
          setFile(name, edit.kind === 'delete' ? undefined : edit.text);
        }
        const expected = runReference(plan, reference).toSorted();
        for (const [i, buildDir] of directories.entries()) {
          const { ran, fresh } = await runSteps(toSteps(plan), { buildDir, jobs: i === 0 ? 1 : 8 });
          expect(ran.toSorted()).toEqual(expected);
          expect(ran.length + fresh.length).toBe(plan.steps.length);
          for (const [name, text] of reference.files) expect(read(buildDir, name)).toBe(text);
        }
      }
    }),
    { numRuns: Number(process.env['VMBUILD_PROPERTY_RUNS'] ?? 20) },
  );
});
