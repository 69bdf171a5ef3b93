// SPDX-License-Identifier: BSD-2-Clause
// HardKernel's Odroid-C4, an Amlogic S905X3 with four Cortex-A55 and 4 GiB. Sources: Microkit manual 2.3.0 (load
// address, boot line), sDDF tools/meta/board.py (paddr_top, serial and timer node), libvmm 0.2.0 vgic.h (distributor) and
// examples/simple (CPU interfaces).

import { exampleGuest } from '../example-guest.ts';
import { defineBoard } from '../schema.ts';

export const board = defineBoard({
  name: 'odroidc4',
  arch: 'aarch64',
  cpu: 'cortex-a55',
  memory: [{ base: 0n, size: 0xf580_0000n }],
  // Above the loader, which lies at 0x20000000 and is well below 512 MiB.
  paddrTop: 0x6000_0000n,
  paddrBottom: 0x4000_0000n,
  serial: {
    node: 'soc/bus@ff800000/serial@3000',
    driver: {
      directory: 'serial/meson',
      compatible: ['amlogic,meson-gx-uart', 'amlogic,meson-ao-uart'],
      resources: {
        regions: [{ name: 'regs', perms: 'rw', size: 0x1000, dt_index: 0 }],
        irqs: [{ dt_index: 0 }],
      },
    },
  },
  timer: {
    node: 'soc/bus@ffd00000/watchdog@f0d0',
    driver: {
      directory: 'timer/meson',
      compatible: ['amlogic,meson-gxbb-wdt'],
      resources: {
        regions: [{ name: 'regs', perms: 'rw', size: 0x1000, dt_index: 0 }],
        irqs: [{ dt_index: 0 }],
      },
    },
  },
  loadAddress: 0x2000_0000n,
  bootLine: 'tftpboot 0x20000000 loader.img; go 0x20000000',
  // Not at 0x20000000 as libvmm's own example has it: the VMM maps RAM at the same address, where its rings are.
  guest: exampleGuest(0x4000_0000n, {
    cpu: 'arm,cortex-a55',
    gic: {
      version: 2,
      compatible: 'arm,gic-400',
      nodeName: 'interrupt-controller@ffc01000',
      distributor: { base: 0xffc0_1000n, size: 0x1000n },
      cpuInterface: { base: 0xffc0_2000n, size: 0x2000n },
      hypInterface: { base: 0xffc0_4000n, size: 0x2000n },
      vcpuInterface: { base: 0xffc0_6000n, size: 0x2000n },
    },
  }),
});
