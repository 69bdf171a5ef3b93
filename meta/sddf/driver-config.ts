// SPDX-License-Identifier: BSD-2-Clause
// What a driver needs, in the form of sDDF's config.json: which devices it fits, which regions it wants mapped, which
// interrupts it takes. Boards hold it as data; `parseDriverConfig` reads sDDF's own files.

import * as z from 'zod';
import { type Diagnostic, refuseErrors } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import { duplicates } from '../check/duplicates.ts';

/** Plain JSON numbers, or strings like `0x1000` and `4096`. */
const size = z
  .union([
    z.number().int().positive().max(Number.MAX_SAFE_INTEGER),
    z.string().regex(/^(0x[0-9a-fA-F]+|[1-9][0-9]*)$/),
  ])
  .transform((value) => BigInt(value));

const index = z.number().int().min(0).max(255);

const regionSchema = z.strictObject({
  name: z.string().min(1),
  perms: z.enum(['r', 'x', 'rw', 'rx', 'wx', 'rwx']).default('rw'),
  setvar_vaddr: z.string().optional(),
  size: size.optional(),
  cached: z.boolean().default(false),
  dt_index: index.optional(),
});

const irqSchema = z.strictObject({ channel_id: z.number().int().optional(), dt_index: index });

export const driverConfigSchema = z.strictObject({
  compatible: z.array(z.string().min(1)).min(1),
  resources: z.strictObject({ regions: z.array(regionSchema), irqs: z.array(irqSchema) }),
});

/** As config.json (and a board) writes it. */
export type DriverConfigInput = z.input<typeof driverConfigSchema>;

export interface DriverConfig extends z.output<typeof driverConfigSchema> {
  /** Below sDDF's `drivers/`, e.g. `serial/arm`. Regions are named after it. */
  readonly directory: string;
}

/** Checks `input` against the schema and the rules between its parts. Refuses DRV1xx with everything that was found. */
export function parseDriverConfig(input: unknown, directory: string, file: string): DriverConfig {
  const parsed = driverConfigSchema.safeParse(input);
  if (!parsed.success) {
    const findings = parsed.error.issues.map((issue) =>
      errorFinding(
        'DRV101',
        `driver config '${file}': ${issue.path.join('.') || 'the whole'}: ${issue.message}`,
        {
          hint: 'write it as sDDF documents config.json',
          place: { file },
        },
      ),
    );
    refuseErrors(findings);
    throw new Error('a failed parse has issues');
  }
  const config = { directory, ...parsed.data };
  refuseErrors(checkDriverConfig(config, file));
  return config;
}

function checkDriverConfig({ resources: { regions, irqs } }: DriverConfig, file: string): Diagnostic[] {
  const place = { file };
  const named = duplicates(regions, ({ name }) => name).map(
    ({ again }) => `the region name '${again.name}' twice`,
  );
  const indexed = duplicates(
    regions.filter(({ dt_index }) => dt_index !== undefined),
    ({ dt_index }) => dt_index ?? -1,
  ).map(({ first, again }) => `dt_index ${again.dt_index} for regions '${first.name}' and '${again.name}'`);
  const interrupts = duplicates(irqs, ({ dt_index }) => dt_index).map(
    ({ again }) => `dt_index ${again.dt_index} for two irqs`,
  );
  const sizeless = regions
    .filter((region) => region.dt_index === undefined && region.size === undefined)
    .map(({ name }) => `region '${name}' with neither dt_index nor size`);
  const cached = regions
    .filter((region) => region.dt_index !== undefined && region.cached)
    .map(({ name }) => `region '${name}' with dt_index and cached: true, which no device register may be`);
  return [...named, ...indexed, ...interrupts, ...sizeless, ...cached].map((what) =>
    errorFinding('DRV102', `driver config '${file}' has ${what}`, {
      hint: 'correct the driver config',
      place,
    }),
  );
}
