// SPDX-License-Identifier: BSD-2-Clause
// What `sim` builds, as the list of what exists: the back end for this machine, and the guests' initramfs.
import { type InitramfsPlan, initramfsSteps } from '../linux/guest.ts';
import { backendSources } from '../make/sources.ts';
import type { Step } from '../make/step.ts';
import { cc, linkHostProgram } from '../make/tools/clang.ts';
import type { ImageInputs } from '../Makefile.ts';

export interface SimInputs extends Pick<ImageInputs, 'vmm' | 'programs' | 'images'> {
  readonly tools: Readonly<Record<'clang' | 'lld', string>>;
  /** Whether a guest is to have a shell. */
  readonly hasShell: boolean;
  /** Other programs than those of `programs`, by the name of the one that each replaces. */
  readonly programSources?: NonNullable<InitramfsPlan['sources']>;
  /** Programs beside these. */
  readonly otherPrograms?: NonNullable<InitramfsPlan['otherPrograms']>;
}

/** What `sim` runs beside QEMU: the back end with the guests' socket devices, and their initramfs. */
export function planSim(inputs: SimInputs): {
  readonly steps: readonly Step[];
  readonly backend: string;
  readonly initrd: string;
} {
  const { clang, lld } = inputs.tools;
  const objects = backendSources.map((source) => compileHost(inputs, source));
  const backend = 'sim/vsock-backend';
  const initramfs = initramfsSteps({
    images: inputs.images,
    programsDir: inputs.programs,
    clang,
    lld,
    outDir: 'guest',
    hasShell: inputs.hasShell,
    variant: inputs.hasShell ? 'sim-shell' : 'sim',
    ...(inputs.programSources === undefined ? {} : { sources: inputs.programSources }),
    ...(inputs.otherPrograms === undefined ? {} : { otherPrograms: inputs.otherPrograms }),
  });
  return {
    steps: [
      ...objects,
      linkHostProgram({
        clang,
        objects: objects.flatMap(({ outputs }) => outputs),
        flags: ['-pthread'],
        output: backend,
      }),
      ...initramfs.steps,
    ],
    backend,
    initrd: initramfs.path,
  };
}

/** For this machine. QEMU's virtio-mmio lets every driver have queues of 1024, whatever the device offers. */
const compileHost = ({ tools, vmm }: SimInputs, source: string): Step =>
  cc({
    clang: tools.clang,
    source: `${vmm}/${source}`,
    output: objectOf(source),
    flags: ['-std=gnu11', '-O2', '-g', '-pthread', '-Wall', '-Wextra', '-Werror'],
    defines: { _GNU_SOURCE: '', VSOCK_QUEUE_SIZE_MAX: '1024' },
    includes: [`${vmm}/host`, `${vmm}/vsock`],
    prefixMap: [[vmm, '/vmm']],
  });

const objectOf = (source: string): string => `obj/host/${source.replace(/\.c$/, '')}.o`;
