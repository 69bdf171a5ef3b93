// SPDX-License-Identifier: BSD-2-Clause
// A good board to spoil: one change, and what is refused of it.

import { type BoardInput, defineBoard } from '../../boards/schema.ts';
import { Refusal } from '../../meta/index.ts';

/** Code and message of each finding; empty if the changed board is good. */
export function refusedBy(change: (input: BoardInput) => void): string[] {
  const input = structuredClone(plain);
  change(input);
  try {
    defineBoard(input);
  } catch (error) {
    if (error instanceof Refusal) return error.diagnostics.map(({ code, message }) => `${code} ${message}`);
    throw error;
  }
  return [];
}

export const plain: BoardInput = {
  name: 'x',
  arch: 'aarch64',
  cpu: 'cortex-a53',
  memory: [{ base: 0x4000_0000n, size: 0x4000_0000n }],
  paddrTop: 0x6000_0000n,
  paddrBottom: 0x4000_0000n,
  serial: {
    node: 'pl011@9000000',
    driver: { directory: 'serial/arm', compatible: ['arm,pl011'], resources: { regions: [], irqs: [] } },
  },
  timer: {
    node: 'timer',
    driver: { directory: 'timer/arm', compatible: ['arm,armv8-timer'], resources: { regions: [], irqs: [] } },
  },
  loadAddress: 0x7000_0000n,
  bootLine: 'go 0x70000000',
  guest: {
    ram: { base: 0x4000_0000n, size: 0x800_0000n },
    kernel: { start: 0x4000_0000n, end: 0x4700_0000n },
    initrd: { start: 0x4700_0000n, end: 0x47f0_0000n },
    dtb: { start: 0x47f0_0000n, end: 0x4800_0000n },
    cpu: 'arm,cortex-a53',
    gic: {
      version: 2,
      compatible: 'arm,gic-400',
      nodeName: 'intc@8000000',
      distributor: { base: 0x800_0000n, size: 0x1_0000n },
      cpuInterface: { base: 0x801_0000n, size: 0x1_0000n },
    },
    timerPpis: { secure: 13, nonSecure: 14, virtual: 11, hypervisor: 10 },
    console: { name: 'virtio-console@130000', base: 0x13_0000n, size: 0x200n, spi: 42 },
    vsock: { name: 'virtio-socket@140000', base: 0x14_0000n, size: 0x200n, spi: 43 },
  },
};
