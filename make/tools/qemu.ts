// SPDX-License-Identifier: BSD-2-Clause
// The command line of QEMU for an image, from the board's data. Starting it is make/launch/qemu.ts.

export interface QemuMachine {
  /** As `-machine` takes it: name and properties. */
  readonly machine: string;
  /** Absent where the machine has one of its own. */
  readonly cpu?: string;
  /** `2G` */
  readonly memory: string;
  /** Which of the machine's serial ports is the console; 0 is the first. */
  readonly serialPort: number;
  /** Whether the image is there when the core comes out of reset, or QEMU plays the firmware that starts it. */
  readonly start: 'loader' | 'firmware';
  readonly timerHz?: number;
}

export interface QemuOptions {
  readonly image: string;
  /** Where the loader's image goes. */
  readonly loadAddress: bigint;
  /** The board's compiled device tree. */
  readonly dtb: string;
  /** The board's CPU, for the machines that have one of their own. */
  readonly cpu: string;
  /** Properties that this QEMU's machine has (make/tools/qemu-machine.ts). */
  readonly properties: ReadonlySet<string>;
  readonly extra?: readonly string[];
  /** Number of cores, for the smp configurations. */
  readonly cores?: number;
  /** Console with QEMU's own monitor behind Ctrl-A c; without, the serial line alone. */
  readonly monitor?: boolean;
}

/**
 * Arguments after the program. Always without the default network card: with it QEMU wants a boot ROM that Debian ships
 * in a package of its own (`efi-virtio.rom`, ipxe-qemu).
 */
export function qemuArguments(machine: QemuMachine, options: QemuOptions): readonly string[] {
  const { serialPort, cpu, memory, timerHz } = machine;
  const console = options.monitor === true ? 'mon:stdio' : 'stdio';
  return [
    ...machineWords(machine, options.properties),
    ...`-m size=${memory} -display none -nic none -no-user-config`.split(' '),
    ...(cpu === undefined ? [] : ['-cpu', cpu]),
    ...(options.cores === undefined ? [] : ['-smp', String(options.cores)]),
    ...(timerHz === undefined ? [] : ['-global', `${cpu ?? options.cpu}-arm-cpu.cntfrq=${timerHz}`]),
    ...Array.from({ length: serialPort }, () => ['-serial', 'null']).flat(),
    '-serial',
    console,
    ...(options.monitor === true ? [] : ['-monitor', 'none']),
    ...startWords(machine, options),
    ...(options.extra ?? []),
  ];
}

/** A machine with sound would look for this computer's; since QEMU 8.2 it gives up where there is none. */
const machineWords = ({ machine }: QemuMachine, properties: ReadonlySet<string>): readonly string[] =>
  properties.has('audiodev')
    ? ['-machine', `${machine},audiodev=none`, '-audiodev', 'none,id=none']
    : ['-machine', machine];

/**
 * QEMU puts what it takes for Linux near the start of RAM, from where the loader moves itself to its load address. The
 * device tree is for QEMU, which starts nothing in 4 GiB or more without one; the loader does not look at it.
 */
function startWords({ start }: QemuMachine, { image, loadAddress, dtb }: QemuOptions): readonly string[] {
  if (start === 'firmware') return ['-kernel', image, '-dtb', dtb];
  const address = `0x${loadAddress.toString(16)}`;
  return ['-device', `loader,file=${escapeOption(image)},addr=${address},cpu-num=0`];
}

/** QEMU splits an option at commas; a doubled one is a comma of the value. */
const escapeOption = (value: string): string => value.replaceAll(',', ',,');
