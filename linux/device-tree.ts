// SPDX-License-Identifier: BSD-2-Clause
// The device tree of a guest as .dts text, from the one value that also places its memory. Only what libvmm emulates
// or maps is in it: one CPU, PSCI by smc, the generic timer, the interrupt controller, RAM, two virtio-mmio devices.
// Bindings: Linux Documentation/devicetree/bindings (arm/psci.yaml, timer/arm,arch_timer.yaml,
// interrupt-controller/arm,gic.yaml and arm,gic-v3.yaml, virtio/mmio.yaml) and chosen.yaml of dt-schema.

import assert from 'node:assert/strict';

import { type Diagnostic, formatRange, formatSize } from '../meta/diagnostic.ts';
import type { GuestGic, GuestLayout, VirtioMmioNode } from '../meta/guest.ts';
import { guestLimits } from '../meta/limits.ts';
import { type GpaRange, hex } from '../meta/units.ts';

/** The whole .dts of a guest; `bootargs` is what the kernel's command line says (see linux/bootargs.ts). */
export function renderGuestDts(layout: GuestLayout, bootargs: string, { hasVsock = true } = {}): string {
  assertText(bootargs);
  const lines = [
    '// SPDX-License-Identifier: BSD-2-Clause',
    '/dts-v1/;',
    '',
    '/ {',
    '\tcompatible = "linux,dummy-virt";',
    '\tmodel = "vmbuild guest";',
    '\tinterrupt-parent = <&gic>;',
    '\t#address-cells = <2>;',
    '\t#size-cells = <2>;',
    '',
    ...node('chosen', [
      `bootargs = "${escapeText(bootargs)}";`,
      `linux,initrd-start = <${cells(layout.initrd.start)}>;`,
      `linux,initrd-end = <${cells(layout.initrd.end)}>;`,
    ]),
    ...node(`memory@${layout.ram.base.toString(16)}`, [
      'device_type = "memory";',
      `reg = ${reg([layout.ram])};`,
    ]),
    ...cpus(layout.cpu),
    ...node('psci', ['compatible = "arm,psci-1.0", "arm,psci-0.2";', 'method = "smc";']),
    ...timer(layout),
    ...gic(layout.gic),
    ...virtioMmio(layout.console),
    ...(hasVsock ? virtioMmio(layout.vsock) : []),
  ];
  // The blank line after the last node.
  lines.pop();
  return `${[...lines, '};'].join('\n')}\n`;
}

/** A compiled device tree of `sizeBytes` against its window, and against the 2 MiB that arm64 kernels map. */
export function checkDtbFit(sizeBytes: number, layout: GuestLayout, path: string): Diagnostic[] {
  const { start, end } = layout.dtb;
  const size = BigInt(sizeBytes);
  const limit = end - start < guestLimits.dtbBytes ? end - start : guestLimits.dtbBytes;
  if (size <= limit) return [];
  return [
    {
      code: 'GST120',
      severity: 'error',
      message: `device tree '${path}' takes ${formatSize(size)}, but its window ${formatRange(start, end)} has ${formatSize(end - start)} and arm64 kernels take ${formatSize(guestLimits.dtbBytes)} at most`,
      place: { file: path },
      hint: 'shorten --append, or give the board a larger DTB window in its board.ts',
    },
  ];
}

/** A 64-bit value as two cells. */
const cells = (value: bigint): string => `${hex(value >> 32n)} ${hex(value & 0xffff_ffffn)}`;

const reg = (ranges: readonly GpaRange[]): string =>
  ranges.map(({ base, size }) => `<${cells(base)} ${cells(size)}>`).join(', ');

const node = (name: string, properties: readonly string[]): string[] => [
  `\t${name} {`,
  ...properties.map((property) => `\t\t${property}`),
  '\t};',
  '',
];

const cpus = (compatible: string): string[] => [
  '\tcpus {',
  '\t\t#address-cells = <1>;',
  '\t\t#size-cells = <0>;',
  '',
  '\t\tcpu@0 {',
  '\t\t\tdevice_type = "cpu";',
  `\t\t\tcompatible = "${escapeText(compatible)}";`,
  '\t\t\treg = <0>;',
  '\t\t\tenable-method = "psci";',
  '\t\t};',
  '\t};',
  '',
];

const irqLevelHigh = 4;
const irqKind = { spi: 0, ppi: 1 } as const;

function timer({ timerPpis: ppi, gic }: GuestLayout): string[] {
  // A GICv2 cell also names the CPUs of a PPI in bits 15:8; for GICv3 they are reserved.
  const flags = hex(gic.version === 2 ? 0x100 | irqLevelHigh : irqLevelHigh);
  const interrupts = [ppi.secure, ppi.nonSecure, ppi.virtual, ppi.hypervisor]
    .map((number) => `<${irqKind.ppi} ${number} ${flags}>`)
    .join(', ');
  return node('timer', ['compatible = "arm,armv8-timer";', `interrupts = ${interrupts};`, 'always-on;']);
}

function gic(controller: GuestGic): string[] {
  const second = controller.version === 2 ? controller.cpuInterface : controller.redistributor;
  assert(
    second !== undefined,
    `GICv${controller.version} of '${controller.nodeName}' lacks its second range`,
  );
  return node(`gic: ${controller.nodeName}`, [
    `compatible = "${escapeText(controller.compatible)}";`,
    'interrupt-controller;',
    '#interrupt-cells = <3>;',
    '#address-cells = <2>;',
    '#size-cells = <2>;',
    'ranges;',
    `reg = ${reg([controller.distributor, second])};`,
  ]);
}

const virtioMmio = ({ name, base, size, spi }: VirtioMmioNode): string[] =>
  node(name, [
    'compatible = "virtio,mmio";',
    `reg = ${reg([{ base, size }])};`,
    `interrupts = <${irqKind.spi} ${spi} ${irqLevelHigh}>;`,
    'dma-coherent;',
  ]);

const escapeText = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"');

function assertText(text: string): void {
  // eslint-disable-next-line no-control-regex
  assert(
    /^[\x20-\x7e]*$/.test(text),
    `bootargs hold a character that is not printable ASCII: ${JSON.stringify(text)}`,
  );
}
