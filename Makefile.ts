// SPDX-License-Identifier: BSD-2-Clause
// The build of one image, as the list of what exists. Nothing here runs anything: `planImage` gives steps, and the
// engine in make/ runs those that are not fresh. What the system consists of: meta/vsock-system.ts; the VMM: vmm/.
import assert from 'node:assert/strict';
import type { Board } from './boards/schema.ts';
import type { KernelOptions } from './linux/bootargs.ts';
import { type BuiltGuest, guestSteps, type InitramfsPlan } from './linux/guest.ts';
import type { GuestImages } from './linux/images.ts';
import { judgeSteps } from './make/judge/step.ts';
import {
  compileOwn,
  configObject,
  linkPd,
  objectOf,
  outputsOf,
  pdConfig,
  type PdTools,
} from './make/pd/compile.ts';
import {
  libvmmArchive,
  planLibvmm,
  planSddfProgram,
  planSddfUtil,
  sddfIncludes,
  sddfUtilArchive,
} from './make/pd/sddf.ts';
import { vmmSources } from './make/sources.ts';
import type { SdkBoard } from './make/store/sdk-board.ts';
import type { Step } from './make/step.ts';
import { cc, type CompileOptions, outermost } from './make/tools/clang.ts';
import { microkit } from './make/tools/microkit.ts';
import { ramOnlyFlags } from './make/tools/pd-flags.ts';
import { writeFile } from './make/tools/write.ts';
import {
  configuredPds,
  renderSdf,
  sddfProgramNames,
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
  const tools = pdTools(inputs);
  const configs = configuredPds(system.configs).map((name) =>
    pdConfig(tools, name, system.configs, { includes: ownIncludes(inputs) }),
  );

  const sddfUtil = planSddfUtil(tools, inputs.sddf);
  const libvmm = planLibvmm(tools, inputs.libvmm);
  const guests = planGuests(inputs);
  const vmmObjects = compileVmm(inputs);
  const images = system.guests.map((guest, i) => embedImages(inputs, guest, guests.guests[i]));
  const vmms = system.guests.map(({ pd, programImage }, i) =>
    linkPd(inputs, programImage, {
      objects: [...outputsOf(vmmObjects), configObject(pd), ...outputsOf(images.slice(i, i + 1))],
      archives: [libvmmArchive, sddfUtilArchive],
    }),
  );
  const heartbeat = planHeartbeat(inputs);
  const drivers = sddfProgramNames.map((program) => {
    const { sddf, board: devices } = inputs;
    return planSddfProgram(tools, { sddf, devices, program, pd: program }, system.configs);
  });

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

// ---- compiling -----------------------------------------------------------------------------------------------------

function pdTools({ tools, sdk, board, libvmm, sddf, vmm }: ImageInputs): PdTools {
  return {
    tools,
    sdk,
    cpu: board.cpu,
    systemIncludes: [sdk.includeDir, `${libvmm}/include`, ...sddfIncludes(sddf)],
    prefixMap: outermost([
      [sdk.sdk.path, '/microkit-sdk'],
      [libvmm, '/libvmm'],
      [sddf, '/sddf'],
      [vmm, '/vmm'],
    ]),
  };
}

/** Our own C has no warnings; upstream's headers, which have some, count as the system's. */
const compileVmm = (inputs: ImageInputs): readonly Step[] =>
  vmmSources.map((source) =>
    compileOurs(inputs, source, objectOf('vmm', source), {
      flags: source.startsWith('vsock/') ? ramOnlyFlags : [],
      defines: { ...cpuInterface(inputs.board), ...inputs.vmmDefines },
    }),
  );

/** What the VMM must know of the guest's interrupt controller and libvmm does not say; nothing with GICv3. */
export const cpuInterface = ({ guest }: Pick<Board, 'guest'>): Record<string, string> =>
  guest.gic.cpuInterface === undefined ? {} : { GUEST_CPU_INTERFACE: hex(guest.gic.cpuInterface.base) };

const compileOurs = (
  inputs: ImageInputs,
  source: string,
  output: string,
  options: Pick<CompileOptions, 'flags' | 'defines'> = {},
): Step =>
  compileOwn(pdTools(inputs), `${inputs.vmm}/${source}`, output, {
    ...options,
    includes: ownIncludes(inputs),
  });

const ownIncludes = ({ vmm }: ImageInputs): readonly string[] => [vmm, `${vmm}/vsock`];

// ---- guests --------------------------------------------------------------------------------------------------------

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
    prefixMap: pdTools(inputs).prefixMap,
    // The compiler's list of dependencies knows no .incbin. `fit` is there so that nothing is linked that does not fit.
    alsoReads: [kernel, dtb, initrd, fit],
  });
}

/** A string literal for the preprocessor and for the assembler behind it, which read backslashes and quotes alike. */
const quoteC = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;

// ---- other programs, judging ---------------------------------------------------------------------------------------

/** Our own program beside the VMMs (meta/heartbeat.ts). */
function planHeartbeat(inputs: ImageInputs): { elf: string; steps: Step[] } {
  const elf = 'heartbeat.elf';
  const object = compileOurs(inputs, 'heartbeat.c', objectOf('vmm', 'heartbeat.c'));
  const objects = [...outputsOf([object]), configObject('heartbeat')];
  return { elf, steps: [object, linkPd(inputs, elf, { objects, archives: [sddfUtilArchive] })] };
}

/** The image is opened again, and what was really built is held against what SDK, libvmm and sDDF say of the board. */
function judgeImage(inputs: ImageInputs): readonly Step[] {
  return [
    compileOurs(inputs, 'judge_probe.c', 'judge/probe.o'),
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
