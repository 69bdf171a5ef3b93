// SPDX-License-Identifier: BSD-2-Clause
// The command line of QEMU for one guest of `sim`: an arm64 machine with nothing on it but a serial line and a socket
// device, which the back end (vmm/host) plays over vhost-user. QEMU makes the device tree and places the images.

export interface SimMachine {
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  readonly memoryMib: number;
  /** Unix socket of the back end. */
  readonly socket: string;
}

/** The serial line that the guest's kernel has to be told. */
export const simConsole = 'ttyAMA0';

/** Arguments after the program. */
export function simArguments({
  kernel,
  initrd,
  commandLine,
  memoryMib,
  socket,
}: SimMachine): readonly string[] {
  const machine = [
    // The back end works on the guest's memory, so that is a file which both map.
    `-object memory-backend-memfd,id=ram,size=${memoryMib}M,share=on`,
    `-machine virt,gic-version=3,memory-backend=ram -cpu cortex-a53 -m ${memoryMib}`,
    '-nodefaults -no-user-config -display none -serial stdio',
    // A guest that resets, after a panic for one, has ended.
    '-no-reboot',
    // Else QEMU's virtio-mmio is of the kind before virtio 1.0.
    '-global virtio-mmio.force-legacy=false -device vhost-user-vsock-device,chardev=vsock',
  ];
  const files = { '-kernel': kernel, '-initrd': initrd, '-append': commandLine };
  return [
    '-chardev',
    `socket,id=vsock,path=${socket.replaceAll(',', ',,')}`,
    ...machine.flatMap((words) => words.split(' ')),
    ...Object.entries(files).flat(),
  ];
}

/** RAM that is always enough for Debian's kernel and our initramfs; larger images get more, up to `max`. */
const memorySizesMib = [128, 256, 512, 1024, 2048] as const;

/**
 * MiB of RAM for a guest with these images. QEMU puts the initrd in the middle (or at 128 MiB): the kernel, with what it
 * takes beyond its file, must fit below, the initrd and what is unpacked from it above. Undefined: more than 2 GiB.
 */
export const simMemoryMib = (kernelBytes: number, initrdBytes: number): number | undefined =>
  memorySizesMib.find(
    (mib) => kernelBytes * 1.25 <= Math.min(mib / 2, 128) * 2 ** 20 && initrdBytes * 4 <= (mib / 2) * 2 ** 20,
  );

/** Words for the guests' kernels that only make them boot sooner; what each is worth: bench/README.md. */
export const simKernelWords: readonly string[] = [
  // Debian's kernels test each cipher when it is registered: half of all instructions of a boot.
  'cryptomgr.notests',
  // The kernel's own certificate, without which modules load unverified; names of enumerators for people who read traces;
  // parameters of what is built in, for /sys/module; a source of entropy (6.12); a PCI bus with nothing on it.
  'initcall_blacklist=load_system_certificate_list,trace_eval_init,param_sysfs_builtin_init,jent_mod_init,gen_pci_driver_init',
  // Spares the relocation, and the kernel page tables of their own (KPTI) that KASLR asks for on any processor: with
  // them QEMU flushes its TLB twice per system call.
  'nokaslr',
  // No AppArmor, TOMOYO, Landlock or IMA.
  'lsm=',
];
