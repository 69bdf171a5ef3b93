// SPDX-License-Identifier: BSD-2-Clause
// Xilinx' ZCU102, a Zynq UltraScale+ with four Cortex-A53 and 4 GiB in two banks; QEMU has it too. Sources: Microkit
// manual 2.3.0 (machine, load address), sDDF tools/meta/board.py (paddr_top, serial and timer node), libvmm vgic.h and its example
// `simple` (GIC, guest RAM), QEMU hw/arm/xlnx-zynqmp.c (memory map).

import { exampleGuest } from '../example-guest.ts';
import { defineBoard } from '../schema.ts';

export const board = defineBoard({
  name: 'zcu102',
  arch: 'aarch64',
  cpu: 'cortex-a53',
  memory: [
    { base: 0n, size: 0x8000_0000n },
    { base: 0x8_0000_0000n, size: 0x8000_0000n },
  ],
  // The upper quarter of the low bank. The kernel lies at its bottom, the loader's image at its middle.
  paddrTop: 0x8000_0000n,
  paddrBottom: 0x6000_0000n,
  serial: {
    node: 'axi/serial@ff000000',
    driver: {
      directory: 'serial/zynqmp',
      compatible: ['xlnx,zynqmp-uart'],
      resources: { regions: [{ name: 'regs', dt_index: 0 }], irqs: [{ dt_index: 0 }] },
    },
  },
  timer: {
    node: 'axi/timer@ff140000',
    driver: {
      directory: 'timer/cdns',
      compatible: ['cdns,ttc'],
      resources: {
        regions: [{ name: 'regs', dt_index: 0 }],
        irqs: [{ dt_index: 0 }, { dt_index: 1 }],
      },
    },
  },
  loadAddress: 0x4000_0000n,
  bootLine: 'tftpboot 0x40000000 loader.img; go 0x40000000',
  qemu: {
    system: 'qemu-system-aarch64',
    // Without secure=on, which brings EL3, QEMU's GIC has no groups, and seL4 for this board puts every interrupt into
    // the group that then stays off: the system would run until the first interrupt that matters, and hang.
    machine: 'xlnx-zcu102,secure=on,virtualization=on',
    memory: '4G',
    serialPort: 0,
    // seL4 needs non-secure EL2, and the loader asks the firmware for its version of PSCI.
    start: 'firmware',
    timerHz: 100_000_000,
  },
  guest: exampleGuest(0x8_0000_0000n, {
    cpu: 'arm,cortex-a53',
    gic: {
      version: 2,
      compatible: 'arm,gic-400',
      nodeName: 'interrupt-controller@f9010000',
      // A page each: the interfaces' second page lies 64 KiB further, and a guest without EL2 does not use it.
      distributor: { base: 0xf901_0000n, size: 0x1000n },
      cpuInterface: { base: 0xf902_0000n, size: 0x1000n },
      hypInterface: { base: 0xf904_0000n, size: 0x1000n },
      vcpuInterface: { base: 0xf906_0000n, size: 0x1000n },
    },
  }),
});
