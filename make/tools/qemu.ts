// SPDX-License-Identifier: BSD-2-Clause
// The command line of QEMU for an image, from the board's data. Starting it is make/launch/qemu.ts.

export interface QemuMachine {
  /** Program: `qemu-system-aarch64`. */
  readonly system: string;
  /** `virt,virtualization=on` */
  readonly machine: string;
  readonly cpu?: string;
  /** `2G` */
  readonly memory: string;
  /** Where the loader's image goes. */
  readonly loadAddress: bigint;
}

/**
 * Arguments after the program. Always without the default network card: with it QEMU wants a boot ROM that Debian ships
 * in a package of its own (`efi-virtio.rom`, ipxe-qemu).
 */
export function qemuArguments(
  machine: QemuMachine,
  options: {
    readonly image: string;
    readonly extra?: readonly string[];
    /** Number of cores, for the smp configurations. */
    readonly cores?: number;
    /** Console with QEMU's own monitor behind Ctrl-A c; without, the serial line alone. */
    readonly monitor?: boolean;
  },
): readonly string[] {
  const address = `0x${machine.loadAddress.toString(16)}`;
  const console = options.monitor === true ? 'mon:stdio' : 'stdio';
  const words = `-machine ${machine.machine} -m size=${machine.memory} -display none -nic none -no-user-config`;
  return [
    ...words.split(' '),
    ...(machine.cpu === undefined ? [] : ['-cpu', machine.cpu]),
    ...(options.cores === undefined ? [] : ['-smp', String(options.cores)]),
    '-serial',
    console,
    ...(options.monitor === true ? [] : ['-monitor', 'none']),
    '-device',
    `loader,file=${escapeOption(options.image)},addr=${address},cpu-num=0`,
    ...(options.extra ?? []),
  ];
}

/** QEMU splits an option at commas; a doubled one is a comma of the value. */
const escapeOption = (value: string): string => value.replaceAll(',', ',,');
