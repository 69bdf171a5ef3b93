// SPDX-License-Identifier: BSD-2-Clause
// Each code of the SDF family has the smallest file that shows it, fixtures/SDFnnn.system: nothing else is found in it. A
// processing instruction in it says for what it is judged: `<?vmbuild check --arch x86_64?>`.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../../meta/diagnostic.ts';
import { xmlLimits } from '../../meta/limits.ts';
import { targetOf } from '../../meta/check/target.ts';
import { checkSdf } from '../../meta/sdf/check.ts';
import { checkFixture, codesWithFixture, fixtureRoot, readFixture } from './fixtures.ts';
import { rules } from './check-rules.ts';
import { paragraphs } from './paragraphs.ts';

/** What else a file cannot but show. */
const alsoFound: Readonly<Record<string, readonly string[]>> = {};

/** Codes that no file shows, with the test that does. */
const namedTests: Readonly<Record<string, string>> = {
  SDF716: 'test/meta/fixtures.test.ts',
  SDF717: 'test/cli/check.test.ts',
  SDF718: 'test/cli/check.test.ts',
};

describe('the fixture of', () => {
  it.each(codesWithFixture)('%s shows it, at its place, with a way out', async (code) => {
    const { text, findings } = await checkFixture(code);
    expect(findings.map((finding) => finding.code)).toEqual([code, ...(alsoFound[code] ?? [])]);
    const [finding] = findings;
    expectPlace(code, text, finding);
    expect(finding?.hint).toMatch(wayOut);
  });
});

/** A verb that says what to do, or a question. */
const wayOut =
  /^(?:add|align|call|check|choose|connect|count|declare|describe|fill|give|leave|lower|make|map|mend|move|name|notify|number|put|raise|rename|save|set|shift|shorten|start|take|use|write)\b|\?$/;

it('SDF716 what is more than can be mended at once is counted', () => {
  const image = '<program_image path="x.elf"/>';
  const pd = (index: number): string =>
    `<protection_domain name="pd" prio${index}="">${image}</protection_domain>`;
  const wrong = Array.from({ length: xmlLimits.findings + 7 }, (_, index) => `<memory name="m${index}"/>`);
  const { findings } = checkSdf(
    `<system>${wrong.join('')}${pd(0)}</system>`,
    'many.system',
    targetOf('aarch64'),
  );
  expect(findings.filter(({ code }) => code === 'SDF716')).toMatchObject([
    { severity: 'error', message: '8 findings more of the same file' },
  ]);
});

it('every code of the family has a fixture or a test of its name', () => {
  const built = new Set(rules.map(([code]) => code));
  const covered = (code: string): boolean =>
    codesWithFixture.includes(code) || built.has(code) || namedTests[code] !== undefined;
  expect(documentedCodes().filter((code) => !covered(code))).toEqual([]);
  for (const [code, file] of Object.entries(namedTests))
    expect(readFileSync(join(import.meta.dirname, '../..', file), 'utf8')).toContain(`it('${code} `);
});

it('every paragraph ends with the link to its fixture or its test', () => {
  const wrong = paragraphs().flatMap(({ code, text }) => {
    const file = codesWithFixture.includes(code)
      ? `test/meta/fixtures/${code}.system`
      : (namedTests[code] ?? 'test/meta/check-rules.ts');
    return text.endsWith(`](../${file}))`) ? [] : [`${code} wants ${file}`];
  });
  expect(wrong).toEqual([]);
});

it('fixtures are small', () => {
  const large = codesWithFixture.filter((code) => readFixture(code).text.split('\n').length > 25);
  // It takes 64 protection domains to be one too many.
  expect(large).toEqual(['SDF502']);
  expect(fixtureRoot).toContain('fixtures');
});

function expectPlace(code: string, text: string, finding: Diagnostic | undefined): void {
  const { file, line = 0, column = 0 } = finding?.place ?? { file: '' };
  expect(file).toBe(`${code}.system`);
  expect(text.split('\n')[line - 1]?.slice(column - 1), `${line}:${column}`).toMatch(/^(?:<|hello)/);
}

const documentedCodes = (): string[] => paragraphs().map(({ code }) => code);
