// SPDX-License-Identifier: BSD-2-Clause
// The Microkit tool as a source of steps: system description and ELFs to a bootable image.
import { dirname } from 'node:path';
import type { Step } from '../step.ts';

export interface ImageOptions {
  readonly sdk: {
    /** Directory of the SDK. */
    readonly path: string;
    /** Path of its `microkit`. */
    readonly tool: string;
    /** What the tool reads for this board and configuration (make/store/sdk.ts). */
    readonly toolInputs: readonly string[];
  };
  /** SDF file. */
  readonly system: string;
  /** The programs that the SDF names; found by base name in their directories. */
  readonly elves: readonly string[];
  /** Further directories for what the SDF names, and what is read of them. */
  readonly searchPaths?: readonly string[];
  readonly alsoReads?: readonly string[];
  readonly board: string;
  readonly config: string;
  /** `loader.img` */
  readonly output: string;
  /** `report.txt` */
  readonly report: string;
  readonly name?: string;
}

/**
 * The tool infers the SDK from its own path unless MICROKIT_SDK says otherwise, so it is always told (a variable of the
 * user's would select another SDK than the binary's).
 */
export function microkit(options: ImageOptions): Step {
  const { sdk, system, elves, searchPaths = [], alsoReads = [], board, config, output, report } = options;
  const directories = [...new Set([...elves.map((elf) => dirname(elf)), ...searchPaths])];
  return {
    name: options.name ?? `microkit ${output}`,
    action: {
      kind: 'exec',
      tool: sdk.tool,
      args: [
        system,
        ...directories.flatMap((directory) => ['--search-path', directory]),
        '--board',
        board,
        '--config',
        config,
        '-o',
        output,
        '-r',
        report,
      ],
      env: { MICROKIT_SDK: sdk.path },
    },
    inputs: [system, ...elves, ...alsoReads, ...sdk.toolInputs],
    outputs: [output, report],
  };
}

/** Where `capdlStep` puts what it makes, in the build directory. */
export const capdlOutputs = {
  capdl: 'audit/capdl.json',
  image: 'audit/loader.img',
  report: 'audit/report.txt',
} as const;

/**
 * The same command as that of `image`, a step of `microkit()`, once more: with all capabilities as JSON. What it makes of
 * the image can be held against the other's.
 */
export function capdlStep(image: Step): Step {
  const { action, inputs, outputs } = image;
  const [output, report] = outputs;
  if (action.kind !== 'exec' || output === undefined || report === undefined)
    throw new Error(`'${image.name}' is no step that makes an image`);
  const renamed = new Map<string, string>([
    [output, capdlOutputs.image],
    [report, capdlOutputs.report],
  ]);
  const args = action.args.map((word) => renamed.get(word) ?? word);
  return {
    name: `microkit ${capdlOutputs.capdl}`,
    action: { ...action, args: [...args, '--capdl-json', capdlOutputs.capdl] },
    inputs,
    outputs: Object.values(capdlOutputs),
  };
}
