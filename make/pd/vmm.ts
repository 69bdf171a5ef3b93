// SPDX-License-Identifier: BSD-2-Clause
// vmbuild's own programs, whose C is in vmm/: the VMM of a Linux guest, with the guest's files in it, and the heartbeat.
import type { GuestLayout } from '../../meta/guest.ts';
import { hex } from '../../meta/units.ts';
import { vmmSources } from '../sources.ts';
import type { Step } from '../step.ts';
import { cc, type CompileOptions } from '../tools/clang.ts';
import { ramOnlyFlags } from '../tools/pd-flags.ts';
import { compileOwn, configObject, linkPd, objectOf, outputsOf, type PdTools } from './compile.ts';
import { libvmmArchive, sddfUtilArchive } from './sddf.ts';

/** What our own C is compiled with. */
export interface OwnTools extends PdTools {
  /** Directory of vmm/. */
  readonly vmm: string;
}

type Defines = NonNullable<CompileOptions['defines']>;

/** Where our headers are; configs are declared in them too. */
export const ownIncludes = (vmm: string): readonly string[] => [vmm, `${vmm}/vsock`];

/** Our own C has no warnings; upstream's headers, which have some, count as the system's. */
export const compileOurs = (
  tools: OwnTools,
  source: string,
  output: string,
  options: Pick<CompileOptions, 'flags' | 'defines'> = {},
): Step =>
  compileOwn(tools, `${tools.vmm}/${source}`, output, { ...options, includes: ownIncludes(tools.vmm) });

/** Once for all VMMs. */
export const compileVmm = (
  tools: OwnTools,
  board: { readonly guest: GuestLayout },
  defines: Defines = {},
): readonly Step[] =>
  vmmSources.map((source) =>
    compileOurs(tools, source, objectOf('vmm', source), {
      flags: source.startsWith('vsock/') ? ramOnlyFlags : [],
      defines: { ...cpuInterface(board), ...defines },
    }),
  );

/** What the VMM must know of the guest's interrupt controller and libvmm does not say; nothing with GICv3. */
export const cpuInterface = ({ guest }: { readonly guest: GuestLayout }): Record<string, string> =>
  guest.gic.cpuInterface === undefined ? {} : { GUEST_CPU_INTERFACE: hex(guest.gic.cpuInterface.base) };

/** The objects of `compileVmm` and those of one guest. */
export const linkVmm = (
  tools: OwnTools,
  { pd, image, vmmObjects }: { pd: string; image: string; vmmObjects: readonly Step[] },
): Step =>
  linkPd(tools, image, {
    objects: [...outputsOf(vmmObjects), configObject(pd), imagesObject(pd)],
    archives: [libvmmArchive, sddfUtilArchive],
  });

/** Paths of what a VMM embeds, and of the verdict that it fits. */
export interface GuestFiles {
  readonly kernel: string;
  readonly dtb: string;
  readonly initrd: string;
  readonly fit: string;
}

export const imagesObject = (pd: string): string => `obj/images/${pd}.o`;

/** The guest's kernel, device tree and initrd in an object; what the VMM copies into its RAM at boot. */
export const embedImages = (
  { tools, vmm, prefixMap }: OwnTools,
  pd: string,
  { kernel, dtb, initrd, fit }: GuestFiles,
): Step =>
  cc({
    clang: tools.clang,
    source: `${vmm}/images.S`,
    output: imagesObject(pd),
    flags: ['--target=aarch64-none-elf'],
    defines: {
      GUEST_KERNEL_IMAGE_PATH: quoteC(kernel),
      GUEST_DTB_IMAGE_PATH: quoteC(dtb),
      GUEST_INITRD_IMAGE_PATH: quoteC(initrd),
    },
    prefixMap,
    // The compiler's list of dependencies knows no .incbin. `fit` is there so that nothing is linked that does not fit.
    alsoReads: [kernel, dtb, initrd, fit],
  });

/** A string literal for the preprocessor and for the assembler behind it, which read backslashes and quotes alike. */
const quoteC = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;

/** Our own program beside the VMMs (meta/heartbeat.ts). */
export function planHeartbeat(
  tools: OwnTools,
  elf = 'heartbeat.elf',
): { readonly elf: string; readonly steps: readonly Step[] } {
  const object = compileOurs(tools, 'heartbeat.c', objectOf('vmm', 'heartbeat.c'));
  const objects = [...outputsOf([object]), configObject('heartbeat')];
  return { elf, steps: [object, linkPd(tools, elf, { objects, archives: [sddfUtilArchive] })] };
}
