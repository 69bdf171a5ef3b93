// SPDX-License-Identifier: BSD-2-Clause
// What is compiled of sDDF and libvmm: the utilities that programs are linked with, and sDDF's own programs.
import type { ComponentConfig } from '../../meta/config/component.ts';
import type { SddfProgramName } from '../../meta/program.ts';
import { libvmmSources, sddfUtilSources } from '../sources.ts';
import type { Step } from '../step.ts';
import { sanitizerFlags } from '../tools/pd-flags.ts';
import { compileUpstream, library, objectOf, patchedProgram, type PdTools } from './compile.ts';

export const sddfUtilArchive = 'libsddf_util_debug.a';
export const serialPrintfArchive = 'libsddf_serial_printf.a';
export const libvmmArchive = 'libvmm.a';

export const sddfIncludes = (sddf: string): readonly string[] => [
  `${sddf}/include`,
  `${sddf}/include/sddf/util/custom_libc`,
  `${sddf}/include/microkit`,
];

export const planSddfUtil = (pdTools: PdTools, sddf: string): readonly Step[] =>
  library(
    pdTools,
    sddfUtilArchive,
    sddfUtilSources.map((source) => compileUpstream(pdTools, `${sddf}/${source}`, objectOf('sddf', source))),
  );

/** In an archive of its own, since it stands in for a part of the other. */
export const planSerialPrintf = (pdTools: PdTools, sddf: string): readonly Step[] =>
  library(pdTools, serialPrintfArchive, [
    compileUpstream(pdTools, `${sddf}/util/putchar_serial.c`, objectOf('sddf', 'util/putchar_serial.c')),
  ]);

export const planLibvmm = (pdTools: PdTools, libvmm: string): readonly Step[] =>
  library(
    pdTools,
    libvmmArchive,
    libvmmSources.map((source) =>
      compileUpstream(pdTools, `${libvmm}/${source}`, objectOf('libvmm', source), {
        flags: ['-Werror', ...sanitizerFlags(pdTools.sdk.config)],
      }),
    ),
  );

/** Which drivers the board's devices have, by their directories below sDDF's `drivers/`. */
export interface SddfDevices {
  readonly serial: { readonly driver: { readonly directory: string } };
  readonly timer: { readonly driver: { readonly directory: string } };
}

export interface SddfPd {
  readonly sddf: string;
  readonly devices: SddfDevices;
  readonly program: SddfProgramName;
  readonly pd: string;
  /** What the system calls it; default: as the protection domain, with `.elf`. */
  readonly image?: string;
}

/** A program of sDDF's for the protection domain `pd`, with its configs. */
export function planSddfProgram(
  pdTools: PdTools,
  { sddf, devices, program, pd, image = `${pd}.elf` }: SddfPd,
  configs: readonly ComponentConfig[],
): { readonly elf: string; readonly steps: readonly Step[] } {
  const { room, source, includes = [] } = sourceOf(sddf, devices, program);
  const object = compileUpstream(pdTools, source, `obj/${room}/${pd}.o`, { includes });
  return patchedProgram(
    pdTools,
    { pd, room, objects: [object], archives: [sddfUtilArchive], image },
    configs,
  );
}

interface SddfSource {
  /** Directory of its objects. */
  readonly room: 'serial' | 'timer';
  readonly source: string;
  readonly includes?: readonly string[];
}

function sourceOf(sddf: string, { serial, timer }: SddfDevices, program: SddfProgramName): SddfSource {
  const uart = `${sddf}/drivers/${serial.driver.directory}`;
  const sources: Readonly<Record<SddfProgramName, SddfSource>> = {
    serial_driver: { room: 'serial', source: `${uart}/uart.c`, includes: [`${uart}/include`] },
    serial_virt_rx: { room: 'serial', source: `${sddf}/serial/components/virt_rx.c` },
    serial_virt_tx: { room: 'serial', source: `${sddf}/serial/components/virt_tx.c` },
    timer_driver: { room: 'timer', source: `${sddf}/drivers/${timer.driver.directory}/timer.c` },
  };
  return sources[program];
}
