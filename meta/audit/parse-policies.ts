// SPDX-License-Identifier: BSD-2-Clause
// Policies that come out of a user's file: the functions of policy.ts make them, but anybody can write the values.

import { z } from 'zod';
import { Refusal } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import type { Policy } from './policy.ts';

/** Refuses AUD305 with all that are none; `file` is where they stand. */
export function parsePolicies(values: readonly unknown[], file: string): readonly Policy[] {
  const results = values.map((value) => policySchema.safeParse(value));
  const wrong = results.flatMap(({ success, error }, i) =>
    success
      ? []
      : [
          errorFinding('AUD305', `policy ${i + 1} of '${file}' is none: ${error.issues[0]?.message}`, {
            hint: "make it with a function of 'vmbuild/meta', like noPath(a, b)",
            place: { file },
          }),
        ],
  );
  if (wrong.length > 0) throw new Refusal(wrong);
  return results.flatMap(({ data }) => (data === undefined ? [] : [data as Policy]));
}

const place = z
  .strictObject({ file: z.string(), line: z.int().optional(), column: z.int().optional() })
  .optional();
const policySchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.enum(['noSharedMemory', 'noSharedWritable', 'onlyChannel', 'noPath']),
    a: z.string(),
    b: z.string(),
    programs: z.enum(['libmicrokit', 'any']).optional(),
    place,
  }),
  z.strictObject({
    kind: z.enum(['exclusive', 'onlyDevice', 'cannotWrite']),
    pd: z.string(),
    region: z.string(),
    place,
  }),
]);
