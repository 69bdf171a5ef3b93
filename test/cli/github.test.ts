// SPDX-License-Identifier: BSD-2-Clause
// What GitHub's runners read, in the words of their documentation.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { BoardArchive } from '../../cli/artifacts.ts';
import { annotation, writeStepSummary } from '../../cli/github.ts';
import { scratchDir } from '../make/scratch.ts';

const finding = {
  code: 'SDF101',
  severity: 'error',
  message: 'two, 100%: bad',
  place: { file: 'a,b.system', line: 3 },
  hint: 'rename it',
} as const;

it('a finding is an annotation at its place, escaped, and only on a runner', () => {
  expect(annotation(finding, { GITHUB_ACTIONS: 'true' })).toBe(
    '::error title=SDF101,file=a%2Cb.system,line=3::two, 100%25: bad%0Arename it',
  );
  expect(annotation({ code: 'X', severity: 'warning', message: 'm' }, { GITHUB_ACTIONS: 'true' })).toBe(
    '::warning title=X::m',
  );
  expect(annotation(finding, {})).toBeUndefined();
});

it('a summary is appended to what the step has said already', async () => {
  const file = join(scratchDir(), 'summary.md');
  writeFileSync(file, 'before\n');
  const image = { config: 'debug', bytes: 3 * 2 ** 20, sha256: 'ab'.repeat(32) };
  const archive: BoardArchive = {
    board: 'maaxboard',
    path: '/x/vsock-maaxboard.tar.gz',
    sha256: 'cd'.repeat(32),
    images: [image, { ...image, config: 'release' }],
    stepsMs: 12_340,
  };
  await writeStepSummary({ GITHUB_STEP_SUMMARY: file }, [archive]);
  const rows = readFileSync(file, 'utf8').split('\n');
  expect(rows[0]).toBe('before');
  expect(rows).toContain(
    '| maaxboard | debug | 3.0 MiB | `abababababababab` | vsock-maaxboard.tar.gz | 12.3 s |',
  );
  expect(rows.filter((row) => row.startsWith('| maaxboard'))).toHaveLength(2);
  await writeStepSummary({}, [archive]);
});
