// SPDX-License-Identifier: BSD-2-Clause
// The build of one image, as the list of what exists. Nothing here runs anything: `planImage` gives steps, and the
// engine in make/ runs those that are not fresh. What the system consists of: meta/vsock-system.ts; the VMM: vmm/.
import assert from 'node:assert/strict';
import type { Board } from './boards/schema.ts';
import type { KernelOptions } from './linux/bootargs.ts';
import { type BuiltGuest, guestSteps, type InitramfsPlan } from './linux/guest.ts';
import type { GuestImages } from './linux/images.ts';
import { judgeSteps } from './make/judge/step.ts';
import { libvmmSources, sddfUtilSources, vmmSources } from './make/sources.ts';
import type { SdkBoard } from './make/store/sdk-board.ts';
import type { Step } from './make/step.ts';
import { archive } from './make/tools/ar.ts';
import { cc, type CompileOptions, type PrefixMap } from './make/tools/clang.ts';
import { link } from './make/tools/lld.ts';
import { microkit } from './make/tools/microkit.ts';
import { extractSection, updateSections } from './make/tools/objcopy.ts';
import { ramOnlyFlags, sanitizerFlags, targetFlags } from './make/tools/pd-flags.ts';
import { writeFile } from './make/tools/write.ts';
import {
  configuredPds,
  renderConfigHeader,
  renderSdf,
  type VsockGuest,
  type VsockSystem,
} from './meta/index.ts';
import { hex } from './meta/units.ts';

export interface ImageInputs {
  readonly board: Board;
  /** The SDK's part for this board and configuration. */
  readonly sdk: SdkBoard;
  /** sDDF's own device tree source of the board; the board's where sDDF has none. */
  readonly referenceDts: string;
  /** Source directories: libvmm, sDDF, and vmbuild's own vmm/. */
  readonly libvmm: string;
  readonly sddf: string;
  readonly vmm: string;
  /** Paths of the tools. */
  readonly tools: Readonly<Record<'clang' | 'lld' | 'ar' | 'objcopy' | 'dtc', string>>;
  readonly system: VsockSystem;
  readonly images: GuestImages;
  /** Directory of the guest programs' sources. */
  readonly programs: string;
  /** What the guests' payload is made from (make/launch/payload.ts), and what they do when it is verified. */
  readonly nonce: bigint;
  readonly after: 'poweroff' | 'shell';
  readonly kernelOptions?: KernelOptions;
  /** The guests' packed initramfs, if another plan makes it. */
  readonly initrd?: string;
  /** Other programs than those of `programs`, by the name of the one that each replaces. */
  readonly programSources?: NonNullable<InitramfsPlan['sources']>;
  /** For the preprocessor, when the VMM is compiled. */
  readonly vmmDefines?: Readonly<Record<string, string>>;
}

/** The outputs that a user knows by name, as with upstream's Makefiles; all in the build directory. */
export const outputs = { system: 'vsock.system', image: 'loader.img', report: 'report.txt' } as const;

/** Everything from sources to `loader.img`. */
export function planImage(inputs: ImageInputs): readonly Step[] {
  const { sdk, system } = inputs;
  const sdf = writeFile(outputs.system, renderSdf(system.system));
  const configs = configuredPds(system.configs).map((pd) => pdConfig(inputs, pd));

  const sddfUtil = library(inputs, 'libsddf_util_debug.a', compileSddfUtil(inputs));
  const libvmm = library(inputs, 'libvmm.a', compileLibvmm(inputs));
  const guests = planGuests(inputs);
  const vmmObjects = compileVmm(inputs);
  const images = system.guests.map((guest, i) => embedImages(inputs, guest, guests.guests[i]));
  const vmms = system.guests.map(({ pd, programImage }, i) =>
    linkPd(inputs, programImage, {
      objects: [...outputsOf(vmmObjects), configObject(pd), ...outputsOf(images.slice(i, i + 1))],
      archives: ['libvmm.a', 'libsddf_util_debug.a'],
    }),
  );
  const heartbeat = planHeartbeat(inputs);
  const drivers = sddfPrograms(inputs).map((program) => sddfProgram(inputs, program));

  const image = microkit({
    sdk: { path: sdk.sdk.path, tool: sdk.sdk.tool, toolInputs: sdk.toolInputs },
    system: outputs.system,
    elves: [
      ...system.guests.map(({ programImage }) => programImage),
      ...drivers.map(({ elf }) => elf),
      heartbeat.elf,
    ],
    board: sdk.board,
    config: sdk.config,
    output: outputs.image,
    report: outputs.report,
  });
  return [
    sdf,
    ...configs.flat(),
    ...sddfUtil,
    ...libvmm,
    ...vmmObjects,
    ...guests.steps,
    ...images,
    ...vmms,
    ...drivers.flatMap(({ steps }) => steps),
    ...heartbeat.steps,
    image,
    ...judgeImage(inputs),
  ];
}

// ---- sources -------------------------------------------------------------------------------------------------------

interface SddfProgram {
  readonly pd: string;
  /** Directory of its objects. */
  readonly room: 'serial' | 'timer';
  readonly source: string;
  readonly includes?: readonly string[];
}

function sddfPrograms({ board, sddf }: ImageInputs): readonly SddfProgram[] {
  const uart = `${sddf}/drivers/${board.serial.driver.directory}`;
  const timer = `${sddf}/drivers/${board.timer.driver.directory}`;
  return [
    { room: 'serial', pd: 'serial_driver', source: `${uart}/uart.c`, includes: [`${uart}/include`] },
    { room: 'serial', pd: 'serial_virt_rx', source: `${sddf}/serial/components/virt_rx.c` },
    { room: 'serial', pd: 'serial_virt_tx', source: `${sddf}/serial/components/virt_tx.c` },
    { room: 'timer', pd: 'timer_driver', source: `${timer}/timer.c` },
  ];
}

// ---- compiling -----------------------------------------------------------------------------------------------------

const upstreamIncludes = (inputs: ImageInputs): readonly string[] => [
  inputs.sdk.includeDir,
  `${inputs.libvmm}/include`,
  `${inputs.sddf}/include`,
  `${inputs.sddf}/include/sddf/util/custom_libc`,
  `${inputs.sddf}/include/microkit`,
];

/** Where sources come from must not show in an image. One that lies in another (libvmm/dep/sddf) goes by that one's name. */
function prefixMap({ sdk, libvmm, sddf, vmm }: ImageInputs): PrefixMap {
  const map = [
    [sdk.sdk.path, '/microkit-sdk'],
    [libvmm, '/libvmm'],
    [sddf, '/sddf'],
    [vmm, '/vmm'],
  ] as const;
  return map.filter(([inner]) => !map.some(([outer]) => inner.startsWith(`${outer}/`)));
}

function compileUpstream(
  inputs: ImageInputs,
  source: string,
  output: string,
  { flags = [], includes = [] }: Pick<CompileOptions, 'flags' | 'includes'> = {},
): Step {
  return cc({
    clang: inputs.tools.clang,
    source,
    output,
    flags: [...targetFlags(inputs.board.cpu), '-Wno-unused-function', ...flags],
    includes: [...upstreamIncludes(inputs), ...includes],
    prefixMap: prefixMap(inputs),
  });
}

const compileSddfUtil = (inputs: ImageInputs): readonly Step[] =>
  sddfUtilSources.map((source) =>
    compileUpstream(inputs, `${inputs.sddf}/${source}`, objectOf('sddf', source)),
  );

const compileLibvmm = (inputs: ImageInputs): readonly Step[] =>
  libvmmSources.map((source) =>
    compileUpstream(inputs, `${inputs.libvmm}/${source}`, objectOf('libvmm', source), {
      flags: ['-Werror', ...sanitizerFlags(inputs.sdk.config)],
    }),
  );

/** Our own C has no warnings; upstream's headers, which have some, count as the system's. */
const compileVmm = (inputs: ImageInputs): readonly Step[] =>
  vmmSources.map((source) =>
    compileOwn(inputs, `${inputs.vmm}/${source}`, objectOf('vmm', source), {
      flags: source.startsWith('vsock/') ? ramOnlyFlags : [],
      defines: { ...cpuInterface(inputs.board), ...inputs.vmmDefines },
    }),
  );

/** What the VMM must know of the guest's interrupt controller and libvmm does not say; nothing with GICv3. */
export const cpuInterface = ({ guest }: Pick<Board, 'guest'>): Record<string, string> =>
  guest.gic.cpuInterface === undefined ? {} : { GUEST_CPU_INTERFACE: hex(guest.gic.cpuInterface.base) };

function compileOwn(
  inputs: ImageInputs,
  source: string,
  output: string,
  { flags = [], defines = {} }: Pick<CompileOptions, 'flags' | 'defines'> = {},
): Step {
  return cc({
    clang: inputs.tools.clang,
    source,
    output,
    flags: [
      ...targetFlags(inputs.board.cpu),
      '-std=gnu11',
      '-Wextra',
      '-Werror',
      ...sanitizerFlags(inputs.sdk.config),
      ...flags,
      ...upstreamIncludes(inputs).flatMap((directory) => ['-isystem', directory]),
    ],
    defines,
    includes: [inputs.vmm, `${inputs.vmm}/vsock`],
    prefixMap: prefixMap(inputs),
  });
}

const objectOf = (room: string, source: string): string => `obj/${room}/${source.replace(/\.[cS]$/, '')}.o`;

// ---- configs and guests --------------------------------------------------------------------------------------------

const configHeader = (pd: string): string => `config/${pd}.config.h`;
const configObject = (pd: string): string => `obj/config/${pd}.o`;

/** The config structs of a protection domain: C text, and what the compiler makes of it. */
const pdConfig = (inputs: ImageInputs, pd: string): readonly Step[] => [
  writeFile(configHeader(pd), renderConfigHeader(pd, inputs.system.configs)),
  compileOwn(inputs, configHeader(pd), configObject(pd)),
];

/** What runs in the guests, and where it lies: linux/guest.ts. */
function planGuests(inputs: ImageInputs): { steps: readonly Step[]; guests: readonly BuiltGuest[] } {
  const { system, images, programs, nonce, after, tools, kernelOptions, initrd, programSources } = inputs;
  const machines = system.guests.map(({ vm, layout, recvFrom, sendTo }) => ({
    name: vm,
    layout,
    orders: { recvFrom, sendTo, nonce, after },
  }));
  const { clang, lld, dtc } = tools;
  const options = {
    kernelOptions,
    initrd,
    ...(programSources === undefined ? {} : { sources: programSources }),
  };
  return guestSteps({
    machines,
    images,
    programsDir: programs,
    clang,
    lld,
    dtc,
    outDir: 'guest',
    ...options,
  });
}

/** The guest's kernel, device tree and initrd in an object; what the VMM copies into its RAM at boot. */
function embedImages(inputs: ImageInputs, { pd }: VsockGuest, files: BuiltGuest | undefined): Step {
  assert(files !== undefined, `no files for the guest of ${pd}`);
  const { kernel, dtb, initrd, fit } = files;
  return cc({
    clang: inputs.tools.clang,
    source: `${inputs.vmm}/images.S`,
    output: `obj/images/${pd}.o`,
    flags: ['--target=aarch64-none-elf'],
    defines: {
      GUEST_KERNEL_IMAGE_PATH: quoteC(kernel),
      GUEST_DTB_IMAGE_PATH: quoteC(dtb),
      GUEST_INITRD_IMAGE_PATH: quoteC(initrd),
    },
    prefixMap: prefixMap(inputs),
    // The compiler's list of dependencies knows no .incbin. `fit` is there so that nothing is linked that does not fit.
    alsoReads: [kernel, dtb, initrd, fit],
  });
}

/** A string literal for the preprocessor and for the assembler behind it, which read backslashes and quotes alike. */
const quoteC = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;

// ---- linking, judging ----------------------------------------------------------------------------------------------

const library = (inputs: ImageInputs, output: string, objects: readonly Step[]): readonly Step[] => [
  ...objects,
  archive({ ar: inputs.tools.ar, output, objects: outputsOf(objects) }),
];

function linkPd(
  inputs: ImageInputs,
  output: string,
  { objects, archives }: { objects: readonly string[]; archives: readonly string[] },
): Step {
  return link({
    lld: inputs.tools.lld,
    objects,
    archives: [inputs.sdk.libmicrokit, ...archives],
    script: inputs.sdk.linkerScript,
    output,
  });
}

/** Our own program beside the VMMs (meta/heartbeat.ts). */
function planHeartbeat(inputs: ImageInputs): { elf: string; steps: Step[] } {
  const elf = 'heartbeat.elf';
  const object = compileOwn(inputs, `${inputs.vmm}/heartbeat.c`, objectOf('vmm', 'heartbeat.c'));
  const objects = [...outputsOf([object]), configObject('heartbeat')];
  return { elf, steps: [object, linkPd(inputs, elf, { objects, archives: ['libsddf_util_debug.a'] })] };
}

/**
 * A program of sDDF's: linked as upstream does, then the bytes that the compiler laid out for its config structs replace
 * the empty ones, in a new file.
 */
function sddfProgram(
  inputs: ImageInputs,
  { room, pd, source, includes = [] }: SddfProgram,
): { elf: string; steps: Step[] } {
  const object = compileUpstream(inputs, source, `obj/${room}/${pd}.o`, { includes });
  const linked = linkPd(inputs, `obj/${room}/${pd}.elf`, {
    objects: outputsOf([object]),
    archives: ['libsddf_util_debug.a'],
  });
  const sections = inputs.system.configs.filter((config) => config.pd === pd).map(({ section }) => section);
  const { objcopy } = inputs.tools;
  const bytes = sections.map((section) =>
    extractSection({ objcopy, input: configObject(pd), output: `obj/config/${pd}${section}`, section }),
  );
  const elf = `${pd}.elf`;
  const configured = updateSections({
    objcopy,
    input: `obj/${room}/${pd}.elf`,
    output: elf,
    sections: Object.fromEntries(sections.map((section) => [section, `obj/config/${pd}${section}`])),
  });
  return { elf, steps: [object, linked, ...bytes, configured] };
}

/** The image is opened again, and what was really built is held against what SDK, libvmm and sDDF say of the board. */
function judgeImage(inputs: ImageInputs): readonly Step[] {
  return [
    compileOwn(inputs, `${inputs.vmm}/judge_probe.c`, 'judge/probe.o'),
    ...judgeSteps({
      ...inputs,
      dtc: inputs.tools.dtc,
      image: outputs.image,
      system: outputs.system,
      vmms: inputs.system.guests.map(({ programImage }) => programImage),
      drivers: { serial: 'serial_driver.elf', timer: 'timer_driver.elf' },
      probe: 'judge/probe.o',
    }),
  ];
}

const outputsOf = (steps: readonly Step[]): readonly string[] => steps.flatMap((step) => step.outputs);
