// SPDX-License-Identifier: BSD-2-Clause
// From a list of steps to a graph: who makes what, what must come first, and everything that is wrong with the plan,
// found in one pass before anything is touched.
import { resolve } from 'node:path';
import { type Diagnostic, refuseErrors } from '../meta/diagnostic.ts';
import { directoryOf, type Step } from './step.ts';

export interface Graph {
  /** Producers before their consumers; in the order of the plan otherwise. */
  readonly order: readonly Step[];
  /** Absolute path of each output, and the step that makes it. */
  readonly producers: ReadonlyMap<string, Step>;
  /** The steps whose outputs a step reads. */
  readonly dependencies: ReadonlyMap<Step, readonly Step[]>;
  /** How many steps follow on the longest way to the end; the longest goes first when jobs are scarce. */
  readonly heights: ReadonlyMap<Step, number>;
}

/** What lies under a path that no step makes. */
export type Presence = 'file' | 'missing' | 'other';

/** Refuses (with all findings) a plan that cannot be run. `presence` looks at the file system. */
export function makeGraph(
  steps: readonly Step[],
  buildDir: string,
  presence: (path: string) => Presence,
): Graph {
  const producers = new Map<string, Step>();
  const found = [...checkNames(steps), ...steps.flatMap((step) => claimOutputs(step, buildDir, producers))];
  const dependencies = new Map<Step, readonly Step[]>();
  const looked = new Map<string, Presence>();
  for (const step of steps) {
    const needs = new Set<Step>();
    for (const input of step.inputs) {
      const path = resolve(directoryOf(step, buildDir), input);
      const producer = producers.get(path);
      if (producer === step) {
        found.push(
          error(
            'STEP120',
            `step '${step.name}' would write over '${path}', which it reads`,
            'give another file, or build in another directory',
          ),
        );
        continue;
      }
      if (producer !== undefined) {
        needs.add(producer);
        continue;
      }
      const there = looked.get(path) ?? presence(path);
      looked.set(path, there);
      found.push(...checkSource(path, step, there));
    }
    dependencies.set(step, [...needs]);
  }
  const { order, cycles } = sortSteps(steps, dependencies);
  found.push(...cycles);
  refuseErrors(found);
  return { order, producers, dependencies, heights: measureHeights(order, dependencies) };
}

const error = (code: string, message: string, hint: string): Diagnostic => ({
  code,
  severity: 'error',
  message,
  hint,
});

function checkNames(steps: readonly Step[]): Diagnostic[] {
  const seen = new Set<string>();
  return steps.flatMap(({ name }) => {
    if (seen.has(name)) return [error('STEP101', `two steps are called '${name}'`, 'rename one of them')];
    seen.add(name);
    return [];
  });
}

function claimOutputs(step: Step, buildDir: string, producers: Map<string, Step>): Diagnostic[] {
  const found: Diagnostic[] = [];
  if (step.outputs.length === 0)
    found.push(
      error('STEP102', `step '${step.name}' makes nothing`, 'declare the files that it makes as outputs'),
    );
  for (const output of step.outputs) {
    const path = resolve(directoryOf(step, buildDir), output);
    const other = producers.get(path);
    if (other !== undefined)
      found.push(
        error(
          'STEP103',
          `'${output}' is made by two steps, '${other.name}' and '${step.name}'`,
          'let one of them write elsewhere',
        ),
      );
    else producers.set(path, step);
    // Unless its name is an argument of its own, the command would write the output in place, half of it if it dies.
    if (step.action.kind === 'exec' && !step.action.args.includes(output))
      found.push(
        error(
          'STEP104',
          `output '${output}' of step '${step.name}' is no argument of its command`,
          'pass it as an argument of its own',
        ),
      );
  }
  return found;
}

function checkSource(path: string, step: Step, presence: Presence): Diagnostic[] {
  if (presence === 'file') return [];
  if (presence === 'other')
    return [
      error('STEP106', `'${path}', read by step '${step.name}', is no regular file`, 'name a file instead'),
    ];
  return [
    error(
      'STEP105',
      `'${path}', read by step '${step.name}', is not there and no step makes it`,
      'check its path, or add the step that makes it',
    ),
  ];
}

/** Depth first, without recursion: a plan may be a chain of any length. */
function sortSteps(
  steps: readonly Step[],
  dependencies: ReadonlyMap<Step, readonly Step[]>,
): { order: readonly Step[]; cycles: readonly Diagnostic[] } {
  const order: Step[] = [];
  const cycles: Diagnostic[] = [];
  const state = new Map<Step, 'open' | 'done'>();
  for (const root of steps) {
    const way: { step: Step; next: number }[] = [];
    const enter = (step: Step): void => {
      state.set(step, 'open');
      way.push({ step, next: 0 });
    };
    if (!state.has(root)) enter(root);
    for (let top = way.at(-1); top !== undefined; top = way.at(-1)) {
      const need = dependencies.get(top.step)?.[top.next];
      top.next += 1;
      if (need === undefined) {
        state.set(top.step, 'done');
        order.push(top.step);
        way.pop();
      } else if (!state.has(need)) enter(need);
      else if (state.get(need) === 'open') {
        const names = way
          .slice(way.findIndex(({ step }) => step === need))
          .map(({ step }) => `'${step.name}'`);
        cycles.push(
          error(
            'STEP107',
            `steps need each other: ${[...names, names[0]].join(' needs ')}`,
            'take an input away from one of them',
          ),
        );
      }
    }
  }
  return { order, cycles };
}

function measureHeights(
  order: readonly Step[],
  dependencies: ReadonlyMap<Step, readonly Step[]>,
): ReadonlyMap<Step, number> {
  const heights = new Map<Step, number>(order.map((step) => [step, 0]));
  for (const step of order.toReversed())
    for (const need of dependencies.get(step) ?? [])
      heights.set(need, Math.max(heights.get(need) ?? 0, (heights.get(step) ?? 0) + 1));
  return heights;
}
