// SPDX-License-Identifier: BSD-2-Clause
// The build of one image, as the list of what exists. Nothing here runs anything: `planImage` gives steps, and the
// engine in make/ runs those that are not fresh. What the system consists of: meta/vsock-system.ts; the VMM: vmm/.
import assert from 'node:assert/strict';
import type { Board } from './boards/schema.ts';
import type { KernelOptions } from './linux/bootargs.ts';
import { type BuiltGuest, guestSteps, type InitramfsPlan } from './linux/guest.ts';
import type { GuestImages } from './linux/images.ts';
import { judgeSteps } from './make/judge/step.ts';
import { pdConfig } from './make/pd/compile.ts';
import { planLibvmm, planSddfProgram, planSddfUtil, sddfIncludes } from './make/pd/sddf.ts';
import {
  compileOurs,
  compileVmm,
  embedImages,
  linkVmm,
  ownIncludes,
  type OwnTools,
  planHeartbeat,
} from './make/pd/vmm.ts';
import type { SdkBoard } from './make/store/sdk-board.ts';
import type { Step } from './make/step.ts';
import { outermost } from './make/tools/clang.ts';
import { microkit } from './make/tools/microkit.ts';
import { writeFile } from './make/tools/write.ts';
import { configuredPds, renderSdf, sddfProgramNames, type VsockSystem } from './meta/index.ts';

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
  const tools = ownTools(inputs);
  const configs = configuredPds(system.configs).map((name) =>
    pdConfig(tools, name, system.configs, { includes: ownIncludes(inputs.vmm) }),
  );

  const sddfUtil = planSddfUtil(tools, inputs.sddf);
  const libvmm = planLibvmm(tools, inputs.libvmm);
  const guests = planGuests(inputs);
  const vmmObjects = compileVmm(tools, inputs.board, inputs.vmmDefines);
  const images = system.guests.map(({ pd }, i) => {
    const files = guests.guests[i];
    assert(files !== undefined, `no files for the guest of ${pd}`);
    return embedImages(tools, pd, files);
  });
  const vmms = system.guests.map(({ pd, programImage: image }) => linkVmm(tools, { pd, image, vmmObjects }));
  const heartbeat = planHeartbeat(tools);
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

// ---- tools ---------------------------------------------------------------------------------------------------------

function ownTools({ tools, sdk, board, libvmm, sddf, vmm }: ImageInputs): OwnTools {
  return {
    tools,
    sdk,
    vmm,
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

// ---- judging -------------------------------------------------------------------------------------------------------

/** The image is opened again, and what was really built is held against what SDK, libvmm and sDDF say of the board. */
function judgeImage(inputs: ImageInputs): readonly Step[] {
  return [
    compileOurs(ownTools(inputs), 'judge_probe.c', 'judge/probe.o'),
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
