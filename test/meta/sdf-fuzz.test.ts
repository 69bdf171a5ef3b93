// SPDX-License-Identifier: BSD-2-Clause
// Mutated descriptions: none makes the checker crash, and where the real Microkit tool is found, it has the same verdict.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { findSdk, type Sdk } from '../../make/store/sdk.ts';
import { targetOf } from '../../meta/check/target.ts';
import { type Diagnostic, Refusal } from '../../meta/diagnostic.ts';
import { checkSdf } from '../../meta/sdf/check.ts';
import { requireOrSkip } from '../require.ts';
import { errorsOf, findPrefill, requireSdfCases, sdfRoot, splitMessage } from './sdf-cases.ts';
import { mutate, randomNumbers, seedFiles } from './sdf-mutants.ts';

const target = { ...targetOf('aarch64'), cores: 1 };
const mutantCount = Number(process.env['VMBUILD_SDF_MUTANTS'] ?? 100_000);
const comparedCount = Number(process.env['VMBUILD_SDF_COMPARED'] ?? 1000);

describe('mutated descriptions', () => {
  it('none crashes the checker', (ctx) => {
    requireSdfCases(ctx);
    let refused = 0;
    for (const { text, seed } of mutants(mutantCount, 1)) {
      const findings = check(text, seed);
      if (errorsOf(findings).length > 0) refused += 1;
      for (const { message, place } of findings)
        if (
          message.includes('undefined') ||
          message.includes('NaN') ||
          (place !== undefined && !(place.line ?? 0))
        )
          expect.fail(`seed ${seed}: ${message} at ${JSON.stringify(place)}`);
    }
    process.stdout.write(
      `mutated descriptions: ${mutantCount}, of which ${refused} were refused, 0 crashed\n`,
    );
    expect(refused).toBeGreaterThan(mutantCount / 4);
    expect(refused).toBeLessThan(mutantCount);
  }, 600_000);

  it('the real tool has the same verdict and the same words', async (ctx) => {
    requireSdfCases(ctx);
    const sdk = storedSdk();
    requireOrSkip(ctx, 'sdk', sdk !== undefined, 'no Microkit SDK: it is not given, and not in the store');
    if (sdk === undefined) return;
    const folder = mkdtempSync(join(tmpdir(), 'vmbuild-sdf-'));
    try {
      const compare = comparer(sdk, folder);
      const queue = mutants(comparedCount, 1_000_003);
      const workers = Array.from({ length: 2 }, async (_, worker) => {
        const lines: string[] = [];
        for (const mutant of queue) lines.push(...(await compare(mutant, worker)));
        return lines;
      });
      const differences = (await Promise.all(workers)).flat();
      process.stdout.write(`${compare.summary()}\n`);
      expect(differences).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 900_000);
});

interface Mutant {
  readonly text: string;
  readonly seed: number;
}

function* mutants(count: number, firstSeed: number): Generator<Mutant> {
  const seeds = seedFiles();
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    const random = randomNumbers(seed);
    const { text } = seeds[random(seeds.length)] ?? { text: '' };
    yield { text: mutate(text, random), seed };
  }
}

function check(text: string, seed: number): readonly Diagnostic[] {
  try {
    return checkSdf(text, 'mutant.system', target, findPrefill).findings;
  } catch (error) {
    throw new Error(`the checker threw for the mutant of seed ${seed}:\n${text}`, { cause: error });
  }
}

function storedSdk(): Sdk | undefined {
  try {
    return findSdk({ env: process.env });
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** What the tool accepts in silence, or only fails at when it has the programs: shared facts/sdf-schema.md \u00a713. */
const stricter: readonly string[] = [
  'SDF202',
  'SDF206',
  'SDF207',
  'SDF307',
  'SDF321',
  'SDF402',
  'SDF414',
  'SDF505',
  'SDF506',
  'SDF510',
  'SDF514',
  'SDF516',
  'SDF519',
  'SDF602',
  'SDF560',
  'SDF715',
  'SDF719',
];

/** roxmltree reads the XML declaration as it likes. */
const oddDeclaration = 'the XML declaration is malformed';

const isStricter = ({ code, message }: Diagnostic): boolean =>
  stricter.includes(code) || message.endsWith(oddDeclaration);

interface Comparer {
  (mutant: Mutant, worker: number): Promise<string[]>;
  summary(): string;
}

function comparer(sdk: Sdk, folder: string): Comparer {
  const counts = { same: 0, panics: 0, stricter: 0 };
  const compare = async ({ text, seed }: Mutant, worker: number): Promise<string[]> => {
    const directory = mkdtempSync(join(folder, `${worker}-`));
    const file = join(directory, 'mutant.system');
    writeFileSync(file, text);
    const options = [
      '--board',
      'qemu_virt_aarch64',
      '--config',
      'debug',
      '--search-path',
      join(sdfRoot, 'prefills'),
    ];
    const outputs = ['-o', join(directory, 'loader.img'), '-r', join(directory, 'report.txt')];
    const { exitCode, stderr } = await execa(sdk.tool, [file, ...options, ...outputs], {
      reject: false,
      timeout: 60_000,
      env: { MICROKIT_SDK: sdk.path },
    });
    rmSync(directory, { recursive: true });
    const errors = errorsOf(check(text, seed));
    const difference = judge({ exitCode, stderr: stderr.replaceAll(`${directory}/`, '') }, errors, counts);
    return difference === undefined ? [] : [`seed ${seed}: ${difference}`];
  };
  return Object.assign(compare, {
    summary: () =>
      `mutants against the real tool: ${counts.same} same verdict and words, ${counts.panics} panics of the tool refused, ${counts.stricter} stricter`,
  });
}

function judge(
  { exitCode, stderr }: { readonly exitCode: number | undefined; readonly stderr: string },
  errors: readonly Diagnostic[],
  counts: { same: number; panics: number; stricter: number },
): string | undefined {
  const ours = errors.map(({ code, message }) => `${code} ${message}`).join(' | ');
  if (exitCode === 101) {
    counts.panics += 1;
    return errors.length > 0 ? undefined : `the tool panics, ours accepts: ${stderr}`;
  }
  const message = /^Error: "?([^]*?)"?$/.exec(stderr.trim())?.[1] ?? stderr.trim();
  // It looks for the programs when the description has passed.
  if (exitCode === 0 || /^unable to find program image|^ERROR: failed to parse ELF/.test(message)) {
    if (errors.length === 0) counts.same += 1;
    else if (errors.every(isStricter)) counts.stricter += 1;
    else return `the tool accepts, ours says ${ours}`;
    return undefined;
  }
  const { words } = splitMessage(message);
  const isXml = words.startsWith('Could not parse');
  // The tool leaves the name empty where the text does not come first.
  const said = words.replace("text found in element ''", "text found in element 'system'");
  // It names the parent for a vCPU's core.
  const ofVcpu = said.replace("on element 'virtual_machine'", "on element 'vcpu'");
  if (errors.some(({ message }) => message.endsWith(oddDeclaration))) {
    counts.stricter += 1;
    return undefined;
  }
  const hit = errors.some((error) =>
    isXml ? error.code === 'SDF700' : error.message.startsWith(said) || error.message.startsWith(ofVcpu),
  );
  if (!hit) return `the tool says ${message}, ours ${ours === '' ? 'accepts' : ours}`;
  counts.same += 1;
  return undefined;
}
