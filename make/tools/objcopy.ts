// SPDX-License-Identifier: BSD-2-Clause
// llvm-objcopy as a source of steps: bytes of a section out of an object, and into a new copy of an ELF.
import type { Step } from '../step.ts';

interface ObjcopyOptions {
  /** Path of llvm-objcopy. */
  readonly objcopy: string;
  readonly input: string;
  readonly output: string;
  readonly name?: string;
}

/** Writes the bytes of one section to a file of their own. */
export function extractSection(options: ObjcopyOptions & { readonly section: string }): Step {
  const { objcopy, input, output, section } = options;
  return {
    name: options.name ?? `section ${output}`,
    action: {
      kind: 'exec',
      tool: objcopy,
      args: ['--output-target=binary', `--only-section=${section}`, input, output],
    },
    inputs: [input],
    outputs: [output],
  };
}

/** Replaces the bytes of sections in a new copy of an ELF; the linked one stays as it was. */
export function updateSections(
  options: ObjcopyOptions & { readonly sections: Readonly<Record<string, string>> },
): Step {
  const { objcopy, input, output, sections } = options;
  return {
    name: options.name ?? `sections ${output}`,
    action: {
      kind: 'exec',
      tool: objcopy,
      args: [
        ...Object.entries(sections).flatMap(([section, file]) => ['--update-section', `${section}=${file}`]),
        input,
        output,
      ],
    },
    inputs: [input, ...Object.values(sections)],
    outputs: [output],
  };
}
