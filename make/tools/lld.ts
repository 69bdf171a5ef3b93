// SPDX-License-Identifier: BSD-2-Clause
// ld.lld as a source of steps.
import type { Step } from '../step.ts';

export interface LinkOptions {
  /** Path of ld.lld. */
  readonly lld: string;
  readonly objects: readonly string[];
  /** Archives, searched in a circle until nothing new is found. */
  readonly archives?: readonly string[];
  /** Linker script: a path. */
  readonly script?: string;
  readonly flags?: readonly string[];
  readonly output: string;
  readonly name?: string;
}

/** Links an ELF. All paths are given in full, `-l` and `-T` look nothing up, so the inputs are what is linked. */
export function link(options: LinkOptions): Step {
  const { lld, objects, archives = [], script, output } = options;
  return {
    name: options.name ?? `link ${output}`,
    action: {
      kind: 'exec',
      tool: lld,
      args: [
        ...(options.flags ?? []),
        ...objects,
        '--start-group',
        ...archives,
        '--end-group',
        ...(script === undefined ? [] : ['-T', script]),
        '-o',
        output,
      ],
    },
    inputs: [...objects, ...archives, ...(script === undefined ? [] : [script])],
    outputs: [output],
  };
}
