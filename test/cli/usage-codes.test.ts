// SPDX-License-Identifier: BSD-2-Clause
// Flags whose value says nothing, each refused with its code.

import { expect, it } from 'vitest';
import { parseExpect } from '../../cli/expect.ts';
import { parseGuest } from '../../cli/guest-flag.ts';
import { usageRefusal } from '../../cli/usage.ts';
import { exitCode } from '../../meta/diagnostic.ts';

it.each(['ubuntu', 'debian=', 'debian=1=2', ''])("ARG104 --guest '%s' is no source", (guest) => {
  expect(() => parseGuest(guest)).toThrow(`ARG104 '--guest ${guest}' is no source of guest images`);
});

it.each(['(', '[z-a]', '*'])("ARG105 --expect '%s' is no regular expression", (text) => {
  expect(() => parseExpect(text)).toThrow(`ARG105 --expect '${text}' is no regular expression: `);
});

it.each([
  ['Not enough arguments following: board', '--board needs a value'],
  ['Not enough arguments following: j', '-j needs a value'],
  ['Something else', 'Something else'],
])('ARG100 %s', (said, message) => {
  const refusal = usageRefusal(said, { commands: [], options: [] });
  expect(refusal.diagnostics).toMatchObject([{ code: 'ARG100', message }]);
  expect(refusal.exit).toBe(exitCode.usage);
});
