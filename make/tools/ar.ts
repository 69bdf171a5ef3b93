// SPDX-License-Identifier: BSD-2-Clause
// llvm-ar as a source of steps.
import type { Step } from '../step.ts';

/** Packs objects into an archive: `D` writes no times and owners, and an archive is always made anew. */
export function archive(options: {
  /** Path of llvm-ar. */
  readonly ar: string;
  readonly objects: readonly string[];
  readonly output: string;
  readonly name?: string;
}): Step {
  const { ar, objects, output } = options;
  return {
    name: options.name ?? `ar ${output}`,
    action: { kind: 'exec', tool: ar, args: ['rcsD', output, ...objects] },
    inputs: objects,
    outputs: [output],
  };
}
