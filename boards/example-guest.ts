// SPDX-License-Identifier: BSD-2-Clause
// The guest of the example, as far as it is the same on every board: 128 MiB with its windows, the timer's interrupts,
// the virtio devices. Addresses and interrupts are those of libvmm's virtio-socket example. A board may write its own.

import type { BoardInput } from './schema.ts';

type Guest = BoardInput['guest'];

/** `ramBase` is guest physical; CPU and interrupt controller are the board's. */
export const exampleGuest = (ramBase: bigint, { cpu, gic }: Pick<Guest, 'cpu' | 'gic'>): Guest => ({
  ram: { base: ramBase, size: 0x800_0000n },
  kernel: { start: ramBase, end: ramBase + 0x700_0000n },
  initrd: { start: ramBase + 0x700_0000n, end: ramBase + 0x7f0_0000n },
  dtb: { start: ramBase + 0x7f0_0000n, end: ramBase + 0x800_0000n },
  cpu,
  gic,
  timerPpis: { secure: 13, nonSecure: 14, virtual: 11, hypervisor: 10 },
  console: { name: 'virtio-console@130000', base: 0x13_0000n, size: 0x200n, spi: 42 },
  vsock: { name: 'virtio-socket@140000', base: 0x14_0000n, size: 0x200n, spi: 43 },
});
