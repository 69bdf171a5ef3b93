// SPDX-License-Identifier: BSD-2-Clause
// Systems of other people's: sdfgen's goldens and the accepted files of Microkit's own suite. Whichever of them the real
// tool builds (with a small program in the place of each of theirs) is explained without a rest.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { auditSystem } from '../../meta/audit/audit.ts';
import { parseCapdl } from '../../meta/audit/parse.ts';
import type { SystemDescription } from '../../meta/model.ts';
import { parseSdf } from '../../meta/sdf/parse.ts';
import { buildSystem, findBoard, needMicrokit } from './audit-image.ts';
import { conformanceRoot, requireConformance, sdfgenRoot } from './conformance.ts';

beforeEach(async (ctx) => {
  requireConformance(ctx);
  await needMicrokit(ctx);
});

/** Every how many-th golden; all with VMBUILD_AUDIT_MUTANTS=all. */
const every = process.env['VMBUILD_AUDIT_MUTANTS'] === 'all' ? 1 : 4;

interface Explained {
  systems: number;
  capabilities: number;
  refused: number;
}

async function explain(name: string, text: string, board: string, sum: Explained): Promise<void> {
  const { system } = parseSdf(text, `${name}.system`, { arch: 'aarch64' });
  if (system === undefined) return;
  const built = await buildSystem(name, renamed(system), { board }).catch((error: unknown) => {
    // The tool ended with an error: it wants symbols that our program does not have.
    if (!(error instanceof Error) || !('status' in error)) throw error;
    return undefined;
  });
  if (built === undefined) {
    sum.refused += 1;
    return;
  }
  const capdl = parseCapdl(built.json, 'capdl.json');
  const { findings, counts } = auditSystem(built.system, capdl, built);
  expect(
    findings.map(({ message }) => message),
    name,
  ).toEqual([]);
  expect(counts.capabilitiesExplained, name).toBe(counts.capabilities);
  sum.systems += 1;
  sum.capabilities += counts.capabilities;
}

/** Their programs may lie in folders; ours all lie in one. */
const renamed = (system: SystemDescription): SystemDescription => ({
  ...system,
  protectionDomains: system.protectionDomains.map(flat),
});
const flat = (pd: SystemDescription['protectionDomains'][number]): typeof pd => ({
  ...pd,
  programImage: pd.programImage.replaceAll('/', '_'),
  children: pd.children.map(flat),
});

it('explains what is built of the goldens', { timeout: 300_000 }, async () => {
  const sum = { systems: 0, capabilities: 0, refused: 0 };
  for (const board of readdirSync(join(sdfgenRoot, 'golden'))) {
    if (typeof findBoard('debug', board) === 'string') continue;
    for (const [i, name] of readdirSync(join(sdfgenRoot, 'golden', board)).entries()) {
      const file = join(sdfgenRoot, 'golden', board, name, 'system.system');
      if (i % every === 0 && existsSync(file)) await explain(name, readFileSync(file, 'utf8'), board, sum);
    }
  }
  process.stdout.write(
    `goldens: capabilities explained ${sum.capabilities} of ${sum.capabilities}, in ${sum.systems} systems (${sum.refused} are not built with other programs)\n`,
  );
  expect(sum.systems).toBeGreaterThan(10);
});

it("explains what is built of Microkit's own suite", async () => {
  const sum = { systems: 0, capabilities: 0, refused: 0 };
  const suite = join(conformanceRoot, 'microkit-sdf');
  const { cases } = JSON.parse(readFileSync(join(suite, 'expected.json'), 'utf8')) as {
    cases: { file: string; config: string; ok: boolean }[];
  };
  for (const { file, config, ok } of cases)
    if (ok && config.startsWith('aarch64'))
      await explain(file, readFileSync(join(suite, 'sdf', file), 'utf8'), 'qemu_virt_aarch64', sum);
  process.stdout.write(
    `suite: capabilities explained ${sum.capabilities} of ${sum.capabilities}, in ${sum.systems} systems (${sum.refused} not built)\n`,
  );
  expect(sum.systems).toBeGreaterThan(1);
});
