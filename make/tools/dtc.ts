// SPDX-License-Identifier: BSD-2-Clause
// dtc as a source of steps.
import type { Step } from '../step.ts';

interface DtcOptions {
  /** Path of dtc. */
  readonly dtc: string;
  readonly input: string;
  readonly output: string;
  readonly name?: string;
}

/**
 * Compiles a device tree. Included files come through the depfile, which is asked for only if `includes` says where they
 * are: dtc 1.6 writes blanks in names as they are, so that in a folder with a blank the step would never be fresh.
 */
export function compileDeviceTree(options: DtcOptions & { readonly includes?: readonly string[] }): Step {
  const { dtc, input, output, includes = [] } = options;
  const depfile = includes.length === 0 ? undefined : `${output}.d`;
  const search = includes.flatMap((directory) => ['-i', directory]);
  const depends = depfile === undefined ? [] : ['-d', depfile];
  return {
    name: options.name ?? `dtc ${output}`,
    action: {
      kind: 'exec',
      tool: dtc,
      args: ['-q', '-I', 'dts', '-O', 'dtb', ...search, ...depends, '-o', output, input],
    },
    inputs: [input],
    outputs: [output],
    ...(depfile === undefined ? {} : { depfile }),
  };
}
