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

/** Compiles a device tree; includes come through the depfile. */
export function compileDeviceTree(options: DtcOptions & { readonly includes?: readonly string[] }): Step {
  const { dtc, input, output } = options;
  const depfile = `${output}.d`;
  const includes = (options.includes ?? []).flatMap((directory) => ['-i', directory]);
  return {
    name: options.name ?? `dtc ${output}`,
    action: {
      kind: 'exec',
      tool: dtc,
      args: ['-q', '-I', 'dts', '-O', 'dtb', ...includes, '-d', depfile, '-o', output, input],
    },
    inputs: [input],
    outputs: [output],
    depfile,
  };
}
