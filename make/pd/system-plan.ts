// SPDX-License-Identifier: BSD-2-Clause
// The build of a system of the user's own, as a list of steps: what it generates, its programs, its image. The same steps
// as those of vmbuild's own system (Makefile.ts), with other sources.
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { ComponentConfig } from '../../meta/config/component.ts';
import { configuredPds } from '../../meta/config/component.ts';
import { systemHeaderName } from '../../meta/config/system-header.ts';
import { configHeader, type GeneratedFile, generateHeaders, headerDirectory } from '../../meta/generated.ts';
import { allPds, type SystemDescription } from '../../meta/model.ts';
import type { Library, OwnProgram, Program, VmbuildProgram } from '../../meta/program.ts';
import type { GuestLayout } from '../../meta/guest.ts';
import { renderSdf } from '../../meta/sdf/render.ts';
import type { SdkBoard } from '../store/sdk-board.ts';
import type { Step } from '../step.ts';
import { outermost } from '../tools/clang.ts';
import { microkit } from '../tools/microkit.ts';
import { updateSections, extractSection } from '../tools/objcopy.ts';
import { writeFile } from '../tools/write.ts';
import { compileOwn, configObject, linkPd, objectOf, outputsOf, pdConfig } from './compile.ts';
import {
  libvmmArchive,
  planLibvmm,
  planSddfProgram,
  planSddfUtil,
  planSerialPrintf,
  sddfIncludes,
  sddfUtilArchive,
  serialPrintfArchive,
  type SddfDevices,
} from './sddf.ts';
import {
  compileVmm,
  embedImages,
  type GuestFiles,
  linkVmm,
  ownIncludes,
  type OwnTools,
  planHeartbeat,
} from './vmm.ts';

export interface SystemInputs {
  /** Of the SDF: `<name>.system`. */
  readonly name: string;
  /** Absolute; what the sources are relative to. */
  readonly directory: string;
  readonly system: SystemDescription;
  readonly configs: readonly ComponentConfig[];
  readonly programs: ReadonlyMap<string, Program>;
  /** Absolute paths of the images that are there already, by the names of their protection domains. */
  readonly ready: ReadonlyMap<string, string>;
  /** Where Microkit looks for what fills memory regions. */
  readonly searchPaths: readonly string[];
  readonly board: SddfDevices & { readonly cpu: string; readonly guest: GuestLayout };
  readonly sdk: SdkBoard;
  readonly tools: OwnTools['tools'];
  /** Directory of vmbuild's vmm/. */
  readonly vmm: string;
  /** The files of Linux guests, by the names of their VMMs, and the steps that make them (linux/guest.ts). */
  readonly guests: { readonly steps: readonly Step[]; readonly files: ReadonlyMap<string, GuestFiles> };
  /** Source directories, where a program wants them. */
  readonly sddf?: string;
  readonly libvmm?: string;
}

export const systemOutputs = (name: string) =>
  ({ system: `${name}.system`, image: 'loader.img', report: 'report.txt' }) as const;

/** The libraries that a program is linked with. */
export function librariesOf(program: Program): readonly Library[] {
  if ('vmbuild' in program) return program.vmbuild === 'linux_vmm' ? ['libvmm', 'sddf'] : ['sddf'];
  return 'sddf' in program ? ['sddf'] : (program.libraries ?? ['sddf']);
}

/** Everything from sources to `loader.img`. */
export function planSystem(inputs: SystemInputs): readonly Step[] {
  const { name, system, configs, sdk, sddf, libvmm } = inputs;
  const outputs = systemOutputs(name);
  const pdTools = toolsFor(inputs);
  const vmmObjects = compileVmm(pdTools, inputs.board);
  const headers = headersOf(inputs);
  const compiledConfigs = configuredPds(configs).map((pd) =>
    pdConfig(pdTools, pd, configs, { includes: includesOf(inputs, pd), alsoReads: headers.structs }),
  );
  const programs = allPds(system.protectionDomains).map((pd) =>
    planProgram({ ...inputs, pdTools, headers, vmmObjects }, { pd: pd.name, image: pd.programImage }),
  );
  const image = microkit({
    sdk: { path: sdk.sdk.path, tool: sdk.sdk.tool, toolInputs: sdk.toolInputs },
    system: outputs.system,
    // What is made here comes first: a copy with configs has the name of what it was copied from.
    elves: programs.map(({ elf }) => elf).toSorted((a, b) => Number(isAbsolute(a)) - Number(isAbsolute(b))),
    searchPaths: inputs.searchPaths,
    alsoReads: prefillsOf(inputs),
    board: sdk.board,
    config: sdk.config,
    output: outputs.image,
    report: outputs.report,
  });
  return [
    writeFile(outputs.system, renderSdf(system)),
    ...headers.files.map(({ name: file, content }) => writeFile(file, content)),
    ...compiledConfigs.flat(),
    ...(sddf === undefined ? [] : [...planSddfUtil(pdTools, sddf), ...planSerialPrintf(pdTools, sddf)]),
    ...(libvmm === undefined ? [] : planLibvmm(pdTools, libvmm)),
    ...([...inputs.programs.values()].some(isLinuxVmm) ? vmmObjects : []),
    ...inputs.guests.steps,
    ...programs.flatMap(({ steps }) => steps),
    image,
  ];
}

const isLinuxVmm = (program: Program): boolean => 'vmbuild' in program && program.vmbuild === 'linux_vmm';

function toolsFor({ tools, sdk, board, sddf, libvmm, vmm, directory, programs }: SystemInputs): OwnTools {
  const outside = [...programs.values()]
    .flatMap((program) => ('sources' in program ? program.sources : []))
    .map((source) => dirname(resolve(directory, source)))
    .filter((place) => relative(directory, place).startsWith('..') || isAbsolute(relative(directory, place)));
  return {
    tools,
    sdk,
    vmm,
    cpu: board.cpu,
    systemIncludes: [
      sdk.includeDir,
      ...(libvmm === undefined ? [] : [`${libvmm}/include`]),
      ...(sddf === undefined ? [] : sddfIncludes(sddf)),
    ],
    prefixMap: outermost([
      [sdk.sdk.path, '/microkit-sdk'],
      ...(libvmm === undefined ? [] : [[libvmm, '/libvmm'] as const]),
      ...(sddf === undefined ? [] : [[sddf, '/sddf'] as const]),
      [vmm, '/vmm'],
      [directory, '/system'],
      ...[...new Set(outside)].toSorted().map((place, i) => [place, `/system-${i + 1}`] as const),
    ]),
  };
}

// ---- headers -------------------------------------------------------------------------------------------------------

interface Headers {
  /** All but those of configs, which have steps of their own. */
  readonly files: readonly GeneratedFile[];
  /** Paths of those of the user's own structs. */
  readonly structs: readonly string[];
}

function headersOf({ system, configs }: SystemInputs): Headers {
  const configHeaders = new Set(configuredPds(configs).map(configHeader));
  const files = generateHeaders(system, configs).files.filter(({ name }) => !configHeaders.has(name));
  const ofSystem = new Set(
    allPds(system.protectionDomains).map(({ name }) => `${headerDirectory}/${systemHeaderName(name)}`),
  );
  return { files, structs: files.map(({ name }) => name).filter((name) => !ofSystem.has(name)) };
}

/** Where C of the user's own finds headers: what is generated, what lies beside a source, what the description names. */
function includesOf({ programs, directory, vmm }: SystemInputs, pd: string): readonly string[] {
  const program = programs.get(pd);
  if (program === undefined || 'sddf' in program) return [headerDirectory];
  // Structs of our own are declared there.
  const ours = 'vmbuild' in program || program.guest !== undefined ? ownIncludes(vmm) : [];
  if ('vmbuild' in program) return [headerDirectory, ...ours];
  const beside = program.sources.map((source) => dirname(resolve(directory, source)));
  const named = (program.includes ?? []).map((path) => resolve(directory, path));
  return [headerDirectory, ...new Set([...beside, ...named, ...ours])];
}

// ---- programs ------------------------------------------------------------------------------------------------------

interface Planning extends SystemInputs {
  readonly pdTools: OwnTools;
  readonly headers: Headers;
  readonly vmmObjects: readonly Step[];
}

interface PlannedPd {
  readonly pd: string;
  readonly image: string;
}

interface Planned {
  readonly elf: string;
  readonly steps: readonly Step[];
}

function planProgram(inputs: Planning, { pd, image }: PlannedPd): Planned {
  const { programs, pdTools, sddf, board, configs } = inputs;
  const program = programs.get(pd);
  if (program === undefined) return planReady(inputs, { pd, image });
  if ('vmbuild' in program) return planVmbuild(inputs, { pd, image, program });
  if (!('sddf' in program)) return planOwn(inputs, { pd, image, program });
  if (sddf === undefined) throw new Error(`no sDDF for the program of ${pd}`);
  return planSddfProgram(pdTools, { sddf, devices: board, program: program.sddf, pd, image }, configs);
}

/** An ELF from elsewhere: as it is, or with the bytes of its configs in a new copy. */
function planReady({ ready, configs, tools }: SystemInputs, { pd, image }: PlannedPd): Planned {
  const input = ready.get(pd);
  if (input === undefined) throw new Error(`no program image of ${pd}`);
  const sections = configs.filter((config) => config.pd === pd).map(({ section }) => section);
  if (sections.length === 0) return { elf: input, steps: [] };
  const { objcopy } = tools;
  const bytesOf = (section: string): string => `obj/config/${pd}${section}`;
  const bytes = sections.map((section) =>
    extractSection({ objcopy, input: configObject(pd), output: bytesOf(section), section }),
  );
  const files = Object.fromEntries(sections.map((section) => [section, bytesOf(section)]));
  return {
    elf: image,
    steps: [...bytes, updateSections({ objcopy, input, output: image, sections: files })],
  };
}

function planVmbuild(
  inputs: Planning,
  { pd, image, program }: PlannedPd & { readonly program: VmbuildProgram },
): Planned {
  const { pdTools, vmmObjects } = inputs;
  if (program.vmbuild === 'heartbeat') return planHeartbeat(pdTools, image);
  const linked = linkVmm(pdTools, { pd, image, vmmObjects });
  return { elf: image, steps: [embedGuest(inputs, pd), linked] };
}

function embedGuest({ guests, pdTools }: Planning, pd: string): Step {
  const files = guests.files.get(pd);
  if (files === undefined) throw new Error(`no files for the guest of ${pd}`);
  return embedImages(pdTools, pd, files);
}

/** Warnings are shown and stop nothing: `flags` may say otherwise. */
const warnings = ['-Wextra'];

function planOwn(
  inputs: Planning,
  { pd, image, program }: PlannedPd & { readonly program: OwnProgram },
): Planned {
  const { directory, configs, pdTools, headers } = inputs;
  const includes = includesOf(inputs, pd);
  const alsoReads = [`${headerDirectory}/${systemHeaderName(pd)}`, ...headers.structs];
  // For sources that several protection domains are made from: `#include SYSTEM_HEADER`.
  const defines = { SYSTEM_HEADER: `"${systemHeaderName(pd)}"` };
  const objects = program.sources.map((source) =>
    compileOwn(
      pdTools,
      resolve(directory, source),
      objectOf(`pd/${pd}`, placeOf(directory, source)),
      { includes, alsoReads, flags: program.flags ?? [], defines },
      warnings,
    ),
  );
  const isConfigured = configs.some((config) => config.pd === pd);
  const images = program.guest === undefined ? [] : [embedGuest(inputs, pd)];
  const linked = linkPd(pdTools, image, {
    objects: [...outputsOf([...objects, ...images]), ...(isConfigured ? [configObject(pd)] : [])],
    archives: archivesOf(program),
  });
  return { elf: image, steps: [...objects, ...images, linked] };
}

/** In the order in which they stand in for each other. */
const archives: readonly (readonly [Library, string])[] = [
  ['serial_printf', serialPrintfArchive],
  ['libvmm', libvmmArchive],
  ['sddf', sddfUtilArchive],
];

function archivesOf(program: OwnProgram): readonly string[] {
  const wanted = librariesOf(program);
  return archives.filter(([library]) => wanted.includes(library)).map(([, archive]) => archive);
}

/** A name below the objects' directory for a source that may lie anywhere. */
const placeOf = (directory: string, source: string): string =>
  relative(directory, resolve(directory, source)).replaceAll('../', 'up/');

const prefillsOf = ({ system, searchPaths }: SystemInputs): readonly string[] =>
  system.memoryRegions.flatMap(({ prefillPath }) =>
    prefillPath === undefined ? [] : [resolve(searchPaths[0] ?? '.', prefillPath)],
  );
