// SPDX-License-Identifier: BSD-2-Clause
// QEMU's `virt` machine with a Cortex-A53 and 2 GiB, as Microkit's qemu_virt_aarch64 wants it. Sources: Microkit manual
// 2.3.0 (machine, load address), sDDF tools/meta/board.py (paddr_top, serial and timer node), QEMU hw/arm/virt.c (memory map, GIC).

import { exampleGuest } from '../example-guest.ts';
import { defineBoard } from '../schema.ts';

export const board = defineBoard({
  name: 'qemu_virt_aarch64',
  arch: 'aarch64',
  cpu: 'cortex-a53',
  memory: [{ base: 0x4000_0000n, size: 0x8000_0000n }],
  // The first 512 MiB of RAM are not Microkit's normal memory (platform_gen.json), so physical regions go there.
  paddrTop: 0x6000_0000n,
  paddrBottom: 0x4000_0000n,
  serial: {
    node: 'pl011@9000000',
    driver: {
      directory: 'serial/arm',
      compatible: ['arm,pl011'],
      resources: {
        regions: [{ name: 'regs', perms: 'rw', size: 0x1000, dt_index: 0 }],
        irqs: [{ dt_index: 0 }],
      },
    },
  },
  timer: {
    node: 'timer',
    driver: {
      directory: 'timer/arm',
      compatible: ['arm,armv8-timer'],
      resources: {
        regions: [],
        irqs: [{ dt_index: 1 }],
      },
    },
  },
  loadAddress: 0x7000_0000n,
  qemu: {
    system: 'qemu-system-aarch64',
    machine: 'virt,virtualization=on',
    cpu: 'cortex-a53',
    memory: '2G',
    serialPort: 0,
    start: 'loader',
  },
  guest: exampleGuest(0x4000_0000n, {
    cpu: 'arm,cortex-a53',
    gic: {
      version: 2,
      compatible: 'arm,cortex-a15-gic',
      nodeName: 'intc@8000000',
      distributor: { base: 0x800_0000n, size: 0x1_0000n },
      cpuInterface: { base: 0x801_0000n, size: 0x1_0000n },
      hypInterface: { base: 0x803_0000n, size: 0x1_0000n },
      vcpuInterface: { base: 0x804_0000n, size: 0x1_0000n },
    },
  }),
});
