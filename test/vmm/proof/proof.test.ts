// SPDX-License-Identifier: BSD-2-Clause
// `npm run prove`: CBMC proves of the device core what proofs.ts lists, and notices when a check is taken out of it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { breakSource } from '../../mutants/break.ts';
import { requireOrSkip } from '../../require.ts';
import { coreDir, findClangs, noClang } from '../compile.ts';
import { findCbmc } from './cbmc.ts';
import { proofMutants } from './mutants.ts';
import { proofs, runProof } from './proofs.ts';

const timeout = 1_000_000;
const [clang = ''] = await findClangs();
let dir = '';
let cbmc: readonly string[] = [];
let reason = noClang;
let proved = 0;
let properties = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmbuild-proof-'));
  if (clang === '') return;
  const found = await findCbmc();
  if ('words' in found) cbmc = found.words;
  else reason = found.reason;
}, 400_000);

afterAll(async () => {
  if (properties > 0)
    process.stdout.write(`proved ${proved} of ${proofs.length} (${properties} properties)\n`);
  await rm(dir, { recursive: true, force: true });
});

describe('is proved', () => {
  for (const [index, proof] of proofs.entries()) {
    it(proof.name, { timeout }, async (ctx) => {
      requireOrSkip(ctx, 'cbmc', cbmc.length > 0, reason);
      const verdict = await runProof(clang, cbmc, proof, join(dir, String(index)));
      expect(verdict.faults).toEqual([]);
      expect(verdict.properties).toBeGreaterThan(0);
      process.stdout.write(`${proof.name}: ${verdict.properties} properties\n`);
      proved += 1;
      properties += verdict.properties;
    });
  }
});

describe('cannot be proved', () => {
  for (const mutant of proofMutants) {
    it(mutant.why, { timeout }, async (ctx) => {
      requireOrSkip(ctx, 'cbmc', cbmc.length > 0, reason);
      const proof = proofs.find(({ name }) => name === mutant.proof);
      if (proof === undefined) throw new Error(`there is no proof '${mutant.proof}'`);
      const own = await mkdtemp(join(dir, 'mutant-'));
      const { source, fault } = await breakSource(coreDir, mutant, own);
      expect(fault).toBeUndefined();
      const { faults } = await runProof(clang, cbmc, proof, join(own, 'proof'), source);
      expect(faults.join('\n')).toContain(mutant.says);
    });
  }
});
