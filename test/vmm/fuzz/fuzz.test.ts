// SPDX-License-Identifier: BSD-2-Clause
// `npm run fuzz -- --seconds N`: hostile programs against the device core. Here for a fixed number of executions from a
// fixed seed; a program that breaks something stays in build/fuzz.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { breakSource } from '../../mutants/break.ts';
import { requireOrSkip } from '../../require.ts';
import { coreDir, findClangs, noClang } from '../compile.ts';
import { renderCoverage, whyNoCoverage } from '../coverage.ts';
import { makeCorpus, operations, used } from './corpus.ts';
import {
  buildFuzzer,
  coverCorpus,
  type Fuzzer,
  rebuildFuzzer,
  runFuzzer,
  whyNoFuzzer,
  writeCorpus,
} from './fuzzer.ts';
import { fuzzMutants } from './mutants.ts';

const keptDir = fileURLToPath(new URL('../../../build/fuzz', import.meta.url));
const seconds = Number(process.env['VMBUILD_FUZZ_SECONDS'] ?? '0');
const [clang = ''] = await findClangs();
let dir = '';
let fuzzer: Fuzzer | undefined;
let reason: string | undefined = noClang;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmbuild-fuzz-'));
  if (clang === '') return;
  reason = (await whyNoFuzzer(clang, dir)) ?? (await whyNoCoverage(clang, dir));
  if (reason === undefined) fuzzer = await buildFuzzer(clang, dir);
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

it('the corpus has a program for every operation', () => {
  expect(makeCorpus().size).toBeGreaterThan(operations.length);
  expect([...used].toSorted()).toEqual(operations.toSorted());
});

it('no program breaks what must hold', { timeout: seconds * 1000 + 600_000 }, async (ctx) => {
  requireOrSkip(ctx, 'clang', fuzzer !== undefined, reason ?? '');
  // What hours have found is where the next hour begins.
  const corpusDir = seconds > 0 ? join(keptDir, 'corpus') : join(dir, 'corpus');
  await writeCorpus(makeCorpus(), corpusDir);
  const limit = seconds > 0 ? { seconds } : { runs: 10_000 };
  const run = await runFuzzer(fuzzer?.program ?? '', { corpusDir, crashDir: keptDir, limit });
  const crash = run.crash === undefined ? '' : `${run.crash.reproducer}\n${run.crash.output.slice(-8000)}`;
  expect(crash).toBe('');
  const files = await coverCorpus(clang, dir, corpusDir);
  process.stdout.write(`${renderCoverage(files)}fuzz: ${run.executions} executions, ${run.edges} edges\n`);
  // A device never asks for its words.
  const device = files.filter(({ name }) => name !== 'names.c');
  const missing = device.flatMap((file) => file.missing);
  const branches = device.reduce((sum, file) => sum + file.branches, 0);
  expect(missing.length / branches, missing.join('\n')).toBeLessThan(0.1);
});

describe('the fuzzer finds', () => {
  for (const mutant of fuzzMutants) {
    it(mutant.why, { timeout: 600_000 }, async (ctx) => {
      requireOrSkip(ctx, 'clang', fuzzer !== undefined, reason ?? '');
      if (fuzzer === undefined) return;
      const own = await mkdtemp(join(dir, 'mutant-'));
      const { source, fault } = await breakSource(coreDir, mutant, own);
      expect(fault).toBeUndefined();
      const program = await rebuildFuzzer(clang, own, fuzzer, source);
      await writeCorpus(makeCorpus(), join(own, 'corpus'));
      const run = await runFuzzer(program, {
        corpusDir: join(own, 'corpus'),
        crashDir: own,
        limit: { runs: 5000 },
      });
      expect(run.crash?.output ?? 'nothing').toContain(mutant.says);
    });
  }
});
