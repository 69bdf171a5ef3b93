// SPDX-License-Identifier: BSD-2-Clause
// What is wrong with a plan is found before anything runs, all of it at once.
import { expect, it } from 'vitest';
import { Refusal } from '../../meta/diagnostic.ts';
import { makeGraph, type Presence } from '../../make/graph.ts';
import type { Step } from '../../make/step.ts';

const step = (output: string, inputs: readonly string[], name = output): Step => ({
  name,
  action: { kind: 'exec', tool: '/bin/true', args: [output] },
  inputs,
  outputs: [output],
});

const everything = (): Presence => 'file';

function messagesOf(steps: readonly Step[], presence: (path: string) => Presence = everything): string[] {
  try {
    makeGraph(steps, '/b', presence);
    return [];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.diagnostics.map(({ code, message }) => `${code} ${message}`);
  }
}

it('orders producers before consumers and otherwise keeps the order of the plan', () => {
  const steps = [step('c', ['b', 'x']), step('d', ['x']), step('b', ['a']), step('a', ['x'])];
  const graph = makeGraph(steps, '/b', everything);
  expect(graph.order.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
  expect(graph.order.map((s) => graph.heights.get(s))).toEqual([2, 1, 0, 0]);
});

it('knows a file by its place, however it is written', () => {
  const graph = makeGraph([step('/b/o/../x', []), step('y', ['./x'])], '/b', everything);
  expect([...(graph.dependencies.get(graph.order[1] as Step) ?? [])].map(({ name }) => name)).toEqual([
    '/b/o/../x',
  ]);
});

const cases: readonly (readonly [string, readonly Step[], readonly string[]])[] = [
  [
    'two producers',
    [step('x', [], 'one'), step('x', [], 'two')],
    ["STEP103 'x' is made by two steps, 'one' and 'two'"],
  ],
  ['two of one name', [step('x', [], 's'), step('y', [], 's')], ["STEP101 two steps are called 's'"]],
  ['no outputs', [{ ...step('x', []), outputs: [] }], ["STEP102 step 'x' makes nothing"]],
  [
    'an output that is no argument',
    [{ ...step('x', []), action: { kind: 'exec', tool: '/t', args: ['-ox'] } }],
    ["STEP104 output 'x' of step 'x' is no argument of its command"],
  ],
  ['a cycle of one', [step('x', ['x'])], ["STEP120 step 'x' would write over '/b/x', which it reads"]],
  [
    'a cycle of three, and one who looks on',
    [step('z', ['a']), step('a', ['b']), step('b', ['c']), step('c', ['a'])],
    ["STEP107 steps need each other: 'a' needs 'b' needs 'c' needs 'a'"],
  ],
];
it.each(cases)('refuses %s', (_, steps, messages) => {
  expect(messagesOf(steps)).toEqual(messages);
});

it('says every missing input, and what is no file', () => {
  const presence = (path: string): Presence => (path === '/b/dir' ? 'other' : 'missing');
  expect(messagesOf([step('x', ['gone', 'dir']), step('y', ['/lost'])], presence)).toEqual([
    "STEP105 '/b/gone', read by step 'x', is not there and no step makes it",
    "STEP106 '/b/dir', read by step 'x', is no regular file",
    "STEP105 '/lost', read by step 'y', is not there and no step makes it",
  ]);
});

it('orders a chain of 20000 steps', () => {
  const steps = Array.from({ length: 20_000 }, (_, i) =>
    step(String(i), i === 19_999 ? [] : [String(i + 1)]),
  );
  expect(makeGraph(steps, '/b', everything).order[0]?.name).toBe('19999');
});
