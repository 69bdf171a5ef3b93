// SPDX-License-Identifier: BSD-2-Clause
// Where everything lies in a guest, as one value: the board gives it (or a guest's device tree does), and the device
// tree, the memory regions, the VMM's config structs and the fit check all read it (shared design, decision 9).

import { type Diagnostic, formatRange, formatSize } from './diagnostic.ts';
import { guestLimits } from './limits.ts';
import { type Gpa, type GpaRange, type GpaWindow, hex, overlaps } from './units.ts';

/** A virtio-mmio device's registers and interrupt. SPI n is vIRQ n + 32 at the GIC. */
export interface VirtioMmioNode {
  /** The node's full name, e.g. `virtio-console@130000`. */
  readonly name: string;
  readonly base: GpaRange['base'];
  readonly size: GpaRange['size'];
  readonly spi: number;
}

/** The guest's interrupt controller. GICv2: distributor and CPU interface; GICv3: distributor and redistributor. */
export interface GuestGic {
  readonly version: 2 | 3;
  readonly compatible: string;
  /** The node's full name, e.g. `intc@8000000`. */
  readonly nodeName: string;
  /** Emulated by libvmm at an address fixed per platform (its vgic.h). */
  readonly distributor: GpaRange;
  /** GICv2 (and v3's legacy): where the guest finds its CPU interface. */
  readonly cpuInterface?: GpaRange;
  /** GICv3 only; emulated too. */
  readonly redistributor?: GpaRange;
  readonly hypInterface?: GpaRange;
  /** The machine's virtual CPU interface, mapped at the guest's cpuInterface. Without it nothing is mapped. */
  readonly vcpuInterface?: GpaRange;
}

/** What every guest has; enough for `connectVmm`. */
export interface GuestMachine {
  readonly ram: GpaRange;
  /** The initrd's window. Its end is what the device tree says as linux,initrd-end. */
  readonly initrd: GpaWindow;
  /** The device tree's window. */
  readonly dtb: GpaWindow;
  readonly gic: GuestGic;
}

/** PPI numbers (vIRQ = PPI + 16) of the generic timer, as the device tree's timer node lists them. */
export interface TimerPpis {
  readonly secure: number;
  readonly nonSecure: number;
  readonly virtual: number;
  readonly hypervisor: number;
}

/** The whole guest of the virtio-socket system. */
export interface GuestLayout extends GuestMachine {
  /** `compatible` of the CPU, e.g. `arm,cortex-a53`. */
  readonly cpu: string;
  /** The kernel's window; libvmm copies the Image to ram.base + text_offset. */
  readonly kernel: GpaWindow;
  readonly timerPpis: TimerPpis;
  readonly console: VirtioMmioNode;
  readonly vsock: VirtioMmioNode;
}

/** The vIRQ number that libvmm injects for a device's SPI. */
export const spiToVirq = (spi: number): number => spi + 32;

/** Everything that is wrong with `guest`, all at once. `subject` names it in messages, e.g. `board 'maaxboard'`. */
export function checkGuestLayout(guest: GuestLayout, subject: string): Diagnostic[] {
  const ram = namedRange('RAM', guest.ram);
  const windows: Named[] = [
    { name: 'kernel window', ...guest.kernel },
    { name: 'initrd window', ...guest.initrd },
    { name: 'DTB window', ...guest.dtb },
  ];
  const devices = guestDevices(guest);
  return [
    ...checkRam(guest, subject),
    ...windows.flatMap((window) => checkWindow(window, ram, subject)),
    ...checkDisjoint(windows, subject),
    ...checkDisjoint([ram, ...devices], subject),
    ...checkInitrdWindow(guest, subject),
    ...checkDtbWindow(guest, subject),
    ...[guest.console, guest.vsock].flatMap((node) => checkVirtioNode(node, subject)),
    ...checkSpis([guest.console, guest.vsock], subject),
  ];
}

interface Named {
  readonly name: string;
  readonly start: bigint;
  readonly end: bigint;
}

const namedRange = (name: string, { base, size }: GpaRange): Named => ({
  name,
  start: base,
  end: base + size,
});

function guestDevices({ gic, console, vsock }: GuestLayout): Named[] {
  const parts: [string, GpaRange | undefined][] = [
    [`distributor of '${gic.nodeName}'`, gic.distributor],
    [`CPU interface of '${gic.nodeName}'`, gic.cpuInterface],
    [`redistributor of '${gic.nodeName}'`, gic.redistributor],
    [`'${console.name}'`, console],
    [`'${vsock.name}'`, vsock],
  ];
  return parts.flatMap(([name, range]) => (range === undefined ? [] : [namedRange(name, range)]));
}

const error = (code: string, message: string, hint: string): Diagnostic => ({
  code,
  severity: 'error',
  message,
  hint,
});

function checkRam({ ram }: GuestMachine, subject: string): Diagnostic[] {
  const found: Diagnostic[] = [];
  const align = guestLimits.ramAlignBytes;
  if (ram.base % align !== 0n || ram.size % align !== 0n || ram.size === 0n)
    found.push(
      error(
        'GST101',
        `RAM ${formatRange(ram.base, ram.base + ram.size)} of ${subject} is not made of whole ${formatSize(align)} blocks: an arm64 kernel starts at such a block`,
        `move RAM to ${hex(ram.base & ~(align - 1n))} with a size that is a multiple of ${hex(align)}`,
      ),
    );
  if (ram.base + ram.size > guestLimits.gpaEnd)
    found.push(
      error(
        'GST102',
        `RAM ${formatRange(ram.base, ram.base + ram.size)} of ${subject} ends above ${hex(guestLimits.gpaEnd)}, the end of a guest's address space`,
        'lower its base or size',
      ),
    );
  return found;
}

function checkWindow(window: Named, ram: Named, subject: string): Diagnostic[] {
  if (window.start < window.end && window.start >= ram.start && window.end <= ram.end) return [];
  const what = window.start < window.end ? 'lies outside of' : 'is empty; it must lie in';
  return [
    error(
      'GST103',
      `${window.name} ${formatRange(window.start, window.end)} ${what} RAM ${formatRange(ram.start, ram.end)} of ${subject}`,
      'move the window into RAM or make RAM larger',
    ),
  ];
}

function checkDisjoint(ranges: readonly Named[], subject: string): Diagnostic[] {
  const pairs = ranges.flatMap((a, i) => ranges.slice(i + 1).map((b) => [a, b] as const));
  return pairs
    .filter(([a, b]) => overlaps(a.start, a.end, b.start, b.end))
    .map(([a, b]) =>
      error(
        'GST104',
        `${b.name} ${formatRange(b.start, b.end)} overlaps ${a.name} ${formatRange(a.start, a.end)} of ${subject}`,
        `move one of them; ${a.name} ends at ${hex(a.end)}`,
      ),
    );
}

function checkInitrdWindow({ initrd }: GuestMachine, subject: string): Diagnostic[] {
  const page = guestLimits.pageBytes;
  if (initrd.start % page === 0n) return [];
  return [
    error(
      'GST105',
      `initrd window ${formatRange(initrd.start, initrd.end)} of ${subject} does not start at a ${formatSize(page)} page`,
      `move it to ${hex(initrd.start & ~(page - 1n))}`,
    ),
  ];
}

function checkDtbWindow({ dtb }: GuestMachine, subject: string): Diagnostic[] {
  if (dtb.start % guestLimits.dtbAlignBytes === 0n) return [];
  return [
    error(
      'GST106',
      `DTB window ${formatRange(dtb.start, dtb.end)} of ${subject} is not aligned to ${guestLimits.dtbAlignBytes} bytes, which arm64 kernels demand`,
      `move it to ${hex(dtb.start & ~(guestLimits.dtbAlignBytes - 1n))}`,
    ),
  ];
}

function checkVirtioNode(node: VirtioMmioNode, subject: string): Diagnostic[] {
  const found: Diagnostic[] = [];
  if (node.size < guestLimits.virtioMmioBytes)
    found.push(
      error(
        'GST107',
        `'${node.name}' of ${subject} has ${formatSize(node.size)} of registers; virtio-mmio with its config space takes ${formatSize(guestLimits.virtioMmioBytes)}`,
        `give it a size of ${hex(guestLimits.virtioMmioBytes)}`,
      ),
    );
  if (!Number.isInteger(node.spi) || node.spi < 0 || node.spi >= guestLimits.spis)
    found.push(
      error(
        'GST108',
        `SPI ${node.spi} of '${node.name}' of ${subject} is not in 0..${guestLimits.spis - 1}`,
        'use a free SPI, e.g. 42',
      ),
    );
  const address = unitAddress(node.name);
  if (address !== node.base.toString(16))
    found.push(
      error(
        'GST109',
        `node name '${node.name}' of ${subject} does not end in its address @${node.base.toString(16)}`,
        `call it '${node.name.split('@')[0]}@${node.base.toString(16)}'`,
      ),
    );
  return found;
}

const unitAddress = (name: string): string | undefined => name.split('@')[1];

function checkSpis([a, b]: readonly [VirtioMmioNode, VirtioMmioNode], subject: string): Diagnostic[] {
  if (a.spi !== b.spi) return [];
  return [
    error(
      'GST110',
      `'${a.name}' and '${b.name}' of ${subject} both use SPI ${a.spi}`,
      `give '${b.name}' another, e.g. ${b.spi + 1}`,
    ),
  ];
}

/** Whether `[start..end)` lies in guest RAM. */
export const inRam = ({ ram }: GuestMachine, start: Gpa | bigint, end: bigint): boolean =>
  start >= ram.base && end <= ram.base + ram.size && start <= end;
