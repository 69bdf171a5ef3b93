// SPDX-License-Identifier: BSD-2-Clause
// clang as a source of steps: C and assembly to objects, and objects to a program of this machine.
import { isAbsolute } from 'node:path';
import type { Step } from '../step.ts';

/** A directory whose place must not show in objects, and what stands for it there: `['/home/me/sddf', '/sddf']`. */
export type PrefixMap = readonly (readonly [directory: string, name: string])[];

/** One that lies in another (libvmm/dep/sddf) goes by that one's name. */
export const outermost = (map: PrefixMap): PrefixMap =>
  map.filter(([inner]) => !map.some(([outer]) => inner.startsWith(`${outer}/`)));

export interface CompileOptions {
  /** Path of clang. */
  readonly clang: string;
  /** `.c`, `.S` or (as C) a generated `.h`. */
  readonly source: string;
  readonly output: string;
  /** Target, CPU, warnings, optimisation: whatever is not named below. */
  readonly flags?: readonly string[];
  readonly includes?: readonly string[];
  /** `{ BOARD_qemu_virt_aarch64: '' }` is `-DBOARD_qemu_virt_aarch64`. */
  readonly defines?: Readonly<Record<string, string>>;
  /** All directories outside the build directory that sources or headers come from. */
  readonly prefixMap?: PrefixMap;
  /** Files that the source reads and the depfile does not name (`.incbin`), generated headers. */
  readonly alsoReads?: readonly string[];
  /** Default: `cc <output>`. */
  readonly name?: string;
}

/**
 * Compiles one file. The object is the same in every directory: the build directory never shows (it is the compiler's
 * working directory, and `-fdebug-compilation-dir` names it `.`), the others show as the prefix map says.
 */
export function cc(options: CompileOptions): Step {
  const { clang, source, output } = options;
  const depfile = `${output}.d`;
  const language = source.endsWith('.h') ? ['-x', 'c'] : [];
  return {
    name: options.name ?? `cc ${output}`,
    action: {
      kind: 'exec',
      tool: clang,
      args: [
        ...(options.flags ?? []),
        ...Object.entries(options.defines ?? {}).map(([name, value]) =>
          value === '' ? `-D${name}` : `-D${name}=${value}`,
        ),
        ...(options.includes ?? []).map((directory) => `-I${directory}`),
        ...reproducibly(source, options.prefixMap ?? []),
        '-MD',
        '-MF',
        depfile,
        '-c',
        ...language,
        source,
        '-o',
        output,
      ],
    },
    inputs: [source, ...(options.alsoReads ?? [])],
    outputs: [output],
    depfile,
  };
}

/** A program for this machine, with its C library; clang knows where that is. */
export function linkHostProgram(options: {
  readonly clang: string;
  readonly objects: readonly string[];
  readonly flags?: readonly string[];
  readonly output: string;
}): Step {
  const { clang, objects, flags = [], output } = options;
  return {
    name: `link ${output}`,
    action: { kind: 'exec', tool: clang, args: [...flags, ...objects, '-o', output] },
    inputs: objects,
    outputs: [output],
  };
}

/**
 * clang 14 takes the first map that fits, in the order of their text, later versions the last that was given: so none
 * of the directories may lie in another.
 */
function reproducibly(source: string, map: PrefixMap): string[] {
  return [
    // clang 14 maps no directories in the debug information of assembly; its symbols have to do.
    ...(source.endsWith('.S') ? ['-g0'] : []),
    '-fdebug-compilation-dir=.',
    ...map
      .filter(([directory]) => isAbsolute(directory))
      .map(([directory, name]) => `-ffile-prefix-map=${directory}=${name}`),
  ];
}
