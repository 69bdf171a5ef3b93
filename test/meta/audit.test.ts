// SPDX-License-Identifier: BSD-2-Clause
// What the real tool builds is explained without a rest, with the programs' files and without.
import { beforeEach, expect, it } from 'vitest';
import { auditSystem } from '../../meta/audit/audit.ts';
import { parseCapdl } from '../../meta/audit/parse.ts';
import { buildSystem, needMicrokit } from './audit-image.ts';
import { domainSystem, smallSystem, wholePrefills, wholeSystem } from './audit-systems.ts';

const systems = [
  { name: 'small', system: smallSystem, prefills: {} },
  { name: 'whole', system: wholeSystem, prefills: wholePrefills },
  { name: 'domains', system: domainSystem, prefills: {} },
];

beforeEach((ctx) => needMicrokit(ctx));

it.each(systems)('explains every capability of the $name system', async ({ name, system, prefills }) => {
  for (const config of ['debug', 'release']) {
    const built = await buildSystem(name, system, { prefills, config });
    const capdl = parseCapdl(built.json, 'capdl.json');
    for (const options of [{ config }, { config, ...built }]) {
      const { findings, counts } = auditSystem(system, capdl, options);
      expect(findings.map(({ code, message }) => `${code} ${message}`)).toEqual([]);
      expect(counts.objectsExplained).toBe(counts.objects);
      expect(counts.capabilitiesExplained).toBe(counts.capabilities);
      process.stdout.write(
        `${name} ${config}: capabilities explained ${counts.capabilitiesExplained} of ${counts.capabilities}\n`,
      );
    }
  }
});
