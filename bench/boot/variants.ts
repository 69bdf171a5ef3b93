// SPDX-License-Identifier: BSD-2-Clause
// What is tried on a guest's boot: the plain line, each remedy added to those before it, and ideas that did not pay,
// each on top of the last remedy.

/** How one guest is booted. */
export interface BootVariant {
  readonly name: string;
  /** Words of the kernel's command line. */
  readonly words: readonly string[];
  /** Initcalls that the kernel is told to leave out. */
  readonly blacklist: readonly string[];
  /** QEMU's own device tree, or ours, which has nothing but what the guest needs. */
  readonly tree: 'qemu' | 'own';
  /** The Image as it is, or wrapped into an ELF file. */
  readonly kernel: 'image' | 'elf';
  readonly initramfs: 'gzip' | 'plain';
  readonly cpu: string;
  readonly gicVersion: 2 | 3;
  /** Further arguments of QEMU's. */
  readonly qemu: readonly string[];
}

const plain: BootVariant = {
  name: 'plain',
  words: ['console=ttyAMA0', 'quiet', 'panic=-1', 'cma=0'],
  blacklist: [],
  tree: 'qemu',
  kernel: 'image',
  initramfs: 'gzip',
  cpu: 'cortex-a53',
  gicVersion: 3,
  qemu: [],
};

interface Remedy {
  readonly name: string;
  readonly apply: (before: BootVariant) => Partial<BootVariant>;
}

const addWord = (word: string): Remedy => ({
  name: word,
  apply: ({ words }) => ({ words: [...words, word] }),
});

const leaveOut = (initcall: string): Remedy => ({
  name: `initcall_blacklist=${initcall}`,
  apply: ({ blacklist }) => ({ blacklist: [...blacklist, initcall] }),
});

const change = (name: string, changes: Partial<BootVariant>): Remedy => ({ name, apply: () => changes });

/** Each says what it spares the guest or QEMU; the README has what that is worth. */
const remedies: readonly Remedy[] = [
  // Debian's kernels test each cipher when it is registered; RSA and the elliptic curves are half of all instructions.
  addWord('cryptomgr.notests'),
  // Verifies the kernel's own certificate. Without it signed modules load unverified, which saves an ECDSA for each.
  leaveOut('load_system_certificate_list'),
  // Writes the names of enumerators into the formats of all trace events, for people who read traces.
  leaveOut('trace_eval_init'),
  // Spares the relocation, and kernel page tables of their own (KPTI), which KASLR asks for on any processor: with
  // them QEMU flushes its TLB twice per system call.
  addWord('nokaslr'),
  // No PCI, GPIO, RTC, flash, fw_cfg, and one virtio-mmio device instead of 32.
  change('own device tree', { tree: 'own' }),
  // QEMU maps an ELF file and copies it once; an Image is read twice and copied twice more.
  change('kernel as ELF', { kernel: 'elf' }),
  // /sys/module/*/parameters of what is built in.
  leaveOut('param_sysfs_builtin_init'),
  // AppArmor, TOMOYO, Landlock, IMA and the like.
  addWord('lsm='),
  // Tests the jitter of the timer as a source of entropy, where it is built in (6.12); 7.3 knows no such initcall.
  leaveOut('jent_mod_init'),
];

/** Each alone on top of all remedies. */
const ideas: readonly Remedy[] = [
  change('initramfs not packed', { initramfs: 'plain' }),
  change('gic-version=2', { gicVersion: 2 }),
  change('-cpu cortex-a72', { cpu: 'cortex-a72' }),
  change('-cpu max,pauth-impdef=on', { cpu: 'max,pauth-impdef=on' }),
  change('-accel tcg,thread=single', { qemu: ['-accel', 'tcg,thread=single'] }),
  change('-accel tcg,tb-size=32', { qemu: ['-accel', 'tcg,tb-size=32'] }),
  addWord('rodata=off'),
  addWord('ipv6.disable=1'),
  leaveOut('slab_late_init'),
];

/** Plain, and with one remedy more each time. */
export function listRemedies(): readonly BootVariant[] {
  const variants = [plain];
  for (const { name, apply } of remedies) {
    const before = variants.at(-1) ?? plain;
    variants.push({ ...before, ...apply(before), name: `+ ${name}` });
  }
  return variants;
}

export function listIdeas(): readonly BootVariant[] {
  const best = listRemedies().at(-1) ?? plain;
  return ideas.map(({ name, apply }) => ({ ...best, ...apply(best), name: `all, and ${name}` }));
}

/** The whole command line. */
export const commandLineOf = ({ words, blacklist }: BootVariant): string =>
  [...words, ...(blacklist.length === 0 ? [] : [`initcall_blacklist=${blacklist.join(',')}`])].join(' ');
