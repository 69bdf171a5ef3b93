// SPDX-License-Identifier: BSD-2-Clause
// Every code that docs/errors.md explains has its case: it stands in a test (for the SDF family, test/meta/fixtures.test.ts
// demands more). What has none is listed here with the reason.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const ownFile = join(import.meta.dirname, 'codes-tested.test.ts');

const withoutTest: Readonly<Record<string, string>> = {
  APT106: 'needs a full disk under apt',
  APT107:
    'what apt says for a reason that nobody has seen yet; debian.test.ts takes it in the place of another',
  BEN103: 'three minutes of silence of a benchmark',
  SIM103: 'needs images of 2 GiB',
  SIM105: 'needs a system other than Linux',
  STORE104: 'an answer at a terminal, before 200 MiB are fetched',
  SYS101:
    'what the system refuses where no better words are known: each case that a test made got words of its own',
};

test('every code of docs/errors.md occurs in a test, but for those that say why not', () => {
  const tested = codesOfTests();
  const documented = [
    ...readFileSync(join(root, 'docs/errors.md'), 'utf8').matchAll(/^\*\*([A-Z]+[0-9]{3})\*\*/gm),
  ].map(([, code = '']) => code);
  const missing = documented.filter((code) => !tested.has(code)).toSorted();
  process.stdout.write(
    `error codes: ${documented.length - missing.length} of ${documented.length} occur in a test, ${missing.length} say why not\n`,
  );
  expect(missing).toEqual(Object.keys(withoutTest).toSorted());
});

function codesOfTests(): ReadonlySet<string> {
  const codes = new Set<string>();
  for (const entry of readdirSync(join(root, 'test'), { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (!entry.isFile() || file === ownFile) continue;
    // The name counts, too: fixtures are called like their codes.
    const text = /[.](?:ts|mjs|system)$/.test(entry.name) ? entry.name + readFileSync(file, 'utf8') : '';
    for (const [code] of text.matchAll(/\b[A-Z]{3,5}[0-9]{3}\b/g)) codes.add(code);
  }
  return codes;
}
