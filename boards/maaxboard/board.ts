// SPDX-License-Identifier: BSD-2-Clause
// Avnet's MaaXBoard, an i.MX 8M Quad with four Cortex-A53 and 2 GiB. Sources: Microkit manual 2.3.0 (load address, boot
// line), sDDF tools/meta/board.py (paddr_top, serial and timer node), libvmm 0.2.0 vgic.h (GIC).

import { exampleGuest } from '../example-guest.ts';
import { defineBoard } from '../schema.ts';

export const board = defineBoard({
  name: 'maaxboard',
  arch: 'aarch64',
  cpu: 'cortex-a53',
  memory: [{ base: 0x4000_0000n, size: 0x8000_0000n }],
  // Above the loader, which lies at 0x50000000 and is well below 256 MiB.
  paddrTop: 0x7000_0000n,
  paddrBottom: 0x6000_0000n,
  serial: {
    node: 'soc@0/bus@30800000/serial@30860000',
    driver: {
      directory: 'serial/imx',
      compatible: ['fsl,imx8mq-uart', 'fsl,imx8mm-uart', 'fsl,imx8mp-uart'],
      resources: {
        regions: [{ name: 'regs', perms: 'rw', size: 0x1000, dt_index: 0 }],
        irqs: [{ dt_index: 0 }],
      },
    },
  },
  timer: {
    node: 'soc@0/bus@30000000/timer@302d0000',
    driver: {
      directory: 'timer/imx',
      compatible: ['fsl,imx8mm-gpt', 'fsl,imx8mq-gpt', 'fsl,imx8mp-gpt'],
      resources: {
        regions: [{ name: 'regs', perms: 'rw', size: 0x1_0000, dt_index: 0 }],
        irqs: [{ dt_index: 0 }],
      },
    },
  },
  loadAddress: 0x5000_0000n,
  bootLine: 'tftpboot 0x50000000 loader.img; go 0x50000000',
  guest: exampleGuest(0x4000_0000n, {
    cpu: 'arm,cortex-a53',
    gic: {
      version: 3,
      compatible: 'arm,gic-v3',
      nodeName: 'interrupt-controller@38800000',
      distributor: { base: 0x3880_0000n, size: 0x1_0000n },
      // One pair of frames, since the guest has one vCPU.
      redistributor: { base: 0x3888_0000n, size: 0x2_0000n },
    },
  }),
});
