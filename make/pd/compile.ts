// SPDX-License-Identifier: BSD-2-Clause
// From C to the program of a protection domain: what vmbuild's own system (Makefile.ts) and a user's (system-plan.ts)
// have in common. All of it gives steps.
import type { ComponentConfig } from '../../meta/config/component.ts';
import { renderConfigHeader } from '../../meta/config/component.ts';
import { configHeader } from '../../meta/generated.ts';
import type { SdkBoard } from '../store/sdk-board.ts';
import type { Step } from '../step.ts';
import { archive } from '../tools/ar.ts';
import { cc, type CompileOptions, type PrefixMap } from '../tools/clang.ts';
import { link } from '../tools/lld.ts';
import { extractSection, updateSections } from '../tools/objcopy.ts';
import { sanitizerFlags, targetFlags } from '../tools/pd-flags.ts';
import { writeFile } from '../tools/write.ts';

/** What programs are made with. */
export interface PdTools {
  readonly tools: Readonly<Record<'clang' | 'lld' | 'ar' | 'objcopy', string>>;
  /** The SDK's part for this board and configuration. */
  readonly sdk: SdkBoard;
  /** For `clang -mcpu`. */
  readonly cpu: string;
  /** Headers of Microkit and of the libraries. */
  readonly systemIncludes: readonly string[];
  /** Where sources come from must not show in an image. */
  readonly prefixMap: PrefixMap;
}

type More = Pick<CompileOptions, 'flags' | 'includes' | 'defines' | 'alsoReads'>;

export function compileUpstream(
  { tools, cpu, systemIncludes, prefixMap }: PdTools,
  source: string,
  output: string,
  { flags = [], includes = [] }: Pick<More, 'flags' | 'includes'> = {},
): Step {
  return cc({
    clang: tools.clang,
    source,
    output,
    flags: [...targetFlags(cpu), '-Wno-unused-function', ...flags],
    includes: [...systemIncludes, ...includes],
    prefixMap,
  });
}

/** Our own C has no warnings; upstream's headers, which have some, count as the system's. */
export const strictFlags: readonly string[] = ['-Wextra', '-Werror'];

/** C that is written against the headers of Microkit and the libraries. In debug configurations undefined behaviour traps. */
export function compileOwn(
  { tools, sdk, cpu, systemIncludes, prefixMap }: PdTools,
  source: string,
  output: string,
  { flags = [], ...more }: More = {},
  warnings: readonly string[] = strictFlags,
): Step {
  return cc({
    clang: tools.clang,
    source,
    output,
    flags: [
      ...targetFlags(cpu),
      '-std=gnu11',
      ...warnings,
      ...sanitizerFlags(sdk.config),
      ...flags,
      ...systemIncludes.flatMap((directory) => ['-isystem', directory]),
    ],
    prefixMap,
    ...more,
  });
}

export const objectOf = (room: string, source: string): string =>
  `obj/${room}/${source.replace(/\.[cS]$/, '')}.o`;

export const outputsOf = (steps: readonly Step[]): readonly string[] => steps.flatMap((step) => step.outputs);

export const library = (
  { tools }: Pick<PdTools, 'tools'>,
  output: string,
  objects: readonly Step[],
): readonly Step[] => [...objects, archive({ ar: tools.ar, output, objects: outputsOf(objects) })];

export function linkPd(
  { tools, sdk }: Pick<PdTools, 'tools' | 'sdk'>,
  output: string,
  { objects, archives }: { readonly objects: readonly string[]; readonly archives: readonly string[] },
): Step {
  return link({
    lld: tools.lld,
    objects,
    archives: [sdk.libmicrokit, ...archives],
    script: sdk.linkerScript,
    output,
  });
}

// ---- configs -------------------------------------------------------------------------------------------------------

export const configObject = (pd: string): string => `obj/config/${pd}.o`;

/** The config structs of a protection domain: C text, and what the compiler makes of it. */
export const pdConfig = (
  pdTools: PdTools,
  pd: string,
  configs: readonly ComponentConfig[],
  options: Pick<More, 'includes' | 'alsoReads'>,
): readonly Step[] => [
  writeFile(configHeader(pd), renderConfigHeader(pd, configs)),
  compileOwn(pdTools, configHeader(pd), configObject(pd), options),
];

interface PatchedProgram {
  readonly pd: string;
  /** Directory of what it is linked from. */
  readonly room: string;
  readonly objects: readonly Step[];
  readonly archives: readonly string[];
  /** What the system calls it. */
  readonly image: string;
}

/**
 * A program that was written for another way: linked as upstream does, then the bytes that the compiler laid out for its
 * config structs replace the empty ones, in a new file.
 */
export function patchedProgram(
  pdTools: PdTools,
  { pd, room, objects, archives, image }: PatchedProgram,
  configs: readonly ComponentConfig[],
): { readonly elf: string; readonly steps: readonly Step[] } {
  const linked = linkPd(pdTools, `obj/${room}/${pd}.elf`, { objects: outputsOf(objects), archives });
  const sections = configs.filter((config) => config.pd === pd).map(({ section }) => section);
  const { objcopy } = pdTools.tools;
  const bytes = sections.map((section) =>
    extractSection({ objcopy, input: configObject(pd), output: `obj/config/${pd}${section}`, section }),
  );
  const configured = updateSections({
    objcopy,
    input: `obj/${room}/${pd}.elf`,
    output: image,
    sections: Object.fromEntries(sections.map((section) => [section, `obj/config/${pd}${section}`])),
  });
  return { elf: image, steps: [...objects, linked, ...bytes, configured] };
}
