// SPDX-License-Identifier: BSD-2-Clause
// clang as a source of steps: C and assembly to objects, and files wrapped into objects.
import { isAbsolute } from 'node:path';
import type { Step } from '../step.ts';

/** A directory whose place must not show in objects, and what stands for it there: `['/home/me/sddf', '/sddf']`. */
export type PrefixMap = readonly (readonly [directory: string, name: string])[];

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
        ...reproducibly(options.prefixMap ?? []),
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

export interface EmbedOptions extends Pick<CompileOptions, 'clang' | 'flags'> {
  /** The assembly that `embed` writes, and the object; in the build directory. */
  readonly assembly: string;
  readonly output: string;
  readonly files: readonly {
    /** `_guest_kernel_image`; its end is `_guest_kernel_image_end`. */
    readonly symbol: string;
    /** `.guest_kernel_image` */
    readonly section: string;
    readonly file: string;
  }[];
}

/**
 * Two steps that wrap files into an object, each between two symbols in a writable section of its own (libvmm's
 * package_guest_images.S does the same; it aligns nothing, and neither do we).
 */
export function embed(options: EmbedOptions): readonly [Step, Step] {
  const { clang, assembly, output, files } = options;
  const text = files.map(({ symbol, section, file }) =>
    [
      `    .section ${section}, "aw", %progbits`,
      `    .global ${symbol}, ${symbol}_end`,
      `${symbol}:`,
      `    .incbin "${escapeString(file)}"`,
      `${symbol}_end:`,
      '',
    ].join('\n'),
  );
  const source = ['// Written by vmbuild.', ...text].join('\n');
  return [
    {
      name: `write ${assembly}`,
      action: { kind: 'fn', key: source, run: (io) => io.write(assembly, source) },
      inputs: [],
      outputs: [assembly],
    },
    {
      name: `cc ${output}`,
      action: {
        kind: 'exec',
        tool: clang,
        args: [...(options.flags ?? []), '-c', '-x', 'assembler', assembly, '-o', output],
      },
      inputs: [assembly, ...files.map(({ file }) => file)],
      outputs: [output],
    },
  ];
}

/**
 * clang 14 takes the first map that fits, in the order of their text, later versions the last that was given: so none
 * of the directories may lie in another.
 */
function reproducibly(map: PrefixMap): string[] {
  return [
    '-fdebug-compilation-dir=.',
    ...map
      .filter(([directory]) => isAbsolute(directory))
      .map(([directory, name]) => `-ffile-prefix-map=${directory}=${name}`),
  ];
}

/** The assembler reads `\\` and `\"` in strings; other bytes stand for themselves. */
const escapeString = (path: string): string => path.replaceAll(/["\\]/g, '\\$&');
