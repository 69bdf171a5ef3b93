// SPDX-License-Identifier: BSD-2-Clause
// The fixtures of the SDF family's codes, judged as `vmbuild check` would with the flags that the file names.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { loadCheckTarget } from '../../cli/check-target.ts';
import { type OptionName, settle } from '../../cli/options.ts';
import type { CheckTarget } from '../../meta/check/target.ts';
import type { Diagnostic } from '../../meta/diagnostic.ts';
import { checkSdf } from '../../meta/sdf/check.ts';
import type { PrefillFile } from '../../meta/sdf/parse-region.ts';
import { fakeSdk } from '../make/store/fake-sdk.ts';
import { scratchDir } from '../make/scratch.ts';

export const fixtureRoot = join(import.meta.dirname, 'fixtures');

export const codesWithFixture: readonly string[] = readdirSync(fixtureRoot)
  .filter((name) => name.endsWith('.system'))
  .map((name) => name.replace('.system', ''))
  .toSorted();

export interface Fixture {
  readonly text: string;
  /** `{ arch: 'x86_64' }` of `--arch x86_64`. */
  readonly flags: Readonly<Record<string, string>>;
}

export function readFixture(code: string): Fixture {
  const text = readFileSync(join(fixtureRoot, `${code}.system`), 'utf8');
  const words = /^<[?]vmbuild check (.*)[?]>$/m.exec(text)?.[1]?.split(' ') ?? [];
  const flags: Record<string, string> = {};
  for (let i = 0; i < words.length; i += 2) flags[(words[i] ?? '').replace(/^--/, '')] = words[i + 1] ?? '';
  return { text, flags };
}

export async function checkFixture(code: string): Promise<{ text: string; findings: readonly Diagnostic[] }> {
  const { text, flags } = readFixture(code);
  const target = await targetOfFlags(flags);
  return { text, findings: checkSdf(text, `${code}.system`, target, findPrefill).findings };
}

const names: readonly OptionName[] = ['arch', 'board', 'config', 'sdk', 'microkit', 'kernel'];

/** An SDK of files that are made up will do for what a kernel says of itself. */
function targetOfFlags({ sdk, ...flags }: Fixture['flags']): Promise<CheckTarget> {
  const given = sdk === undefined ? flags : { ...flags, sdk: fakeSdk(scratchDir()) };
  return loadCheckTarget({
    settings: settle(given, {}, names),
    env: {},
    signal: new AbortController().signal,
  });
}

function findPrefill(path: string): PrefillFile {
  const file = join(fixtureRoot, path);
  if (!existsSync(file)) return 'missing';
  return statSync(file).isFile() ? statSync(file).size : 'unreadable';
}
