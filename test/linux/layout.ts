// SPDX-License-Identifier: BSD-2-Clause
// The guest layout of qemu_virt_aarch64, for tests of this room, which knows no boards.
import type { GuestLayout } from '../../meta/guest.ts';
import { bytes, gpa, gpaRange, gpaWindow } from '../../meta/units.ts';

export const testLayout: GuestLayout = {
  ram: gpaRange(0x4000_0000, 0x800_0000),
  kernel: gpaWindow(0x4000_0000, 0x4700_0000),
  initrd: gpaWindow(0x4700_0000, 0x47f0_0000),
  dtb: gpaWindow(0x47f0_0000, 0x4800_0000),
  cpu: 'arm,cortex-a53',
  timerPpis: { secure: 13, nonSecure: 14, virtual: 11, hypervisor: 10 },
  gic: {
    version: 2,
    compatible: 'arm,cortex-a15-gic',
    nodeName: 'intc@8000000',
    distributor: gpaRange(0x800_0000, 0x1_0000),
    cpuInterface: gpaRange(0x801_0000, 0x1_0000),
    vcpuInterface: gpaRange(0x804_0000, 0x1000),
  },
  console: { name: 'virtio-console@130000', base: gpa(0x13_0000), size: bytes(0x200), spi: 42 },
  vsock: { name: 'virtio-vsock@140000', base: gpa(0x14_0000), size: bytes(0x200), spi: 43 },
};

/** With a GICv3, at the MaaXBoard's addresses. */
export const testLayoutV3: GuestLayout = {
  ...testLayout,
  gic: {
    version: 3,
    compatible: 'arm,gic-v3',
    nodeName: 'interrupt-controller@38800000',
    distributor: gpaRange(0x3880_0000, 0x1_0000),
    redistributor: gpaRange(0x3888_0000, 0xc_0000),
  },
};
