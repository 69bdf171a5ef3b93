// SPDX-License-Identifier: BSD-2-Clause
// The guest layout's rules: one change to a good layout, one finding; several at once are all found.

import { expect, test } from 'vitest';
import { checkGuestLayout, type GuestLayout, gpa, gpaRange, gpaWindow } from '../../meta/index.ts';

const good: GuestLayout = {
  ram: gpaRange(0x4000_0000, 0x800_0000),
  kernel: gpaWindow(0x4000_0000, 0x4700_0000),
  initrd: gpaWindow(0x4700_0000, 0x47f0_0000),
  dtb: gpaWindow(0x47f0_0000, 0x4800_0000),
  cpu: 'arm,cortex-a53',
  gic: {
    version: 2,
    compatible: 'arm,cortex-a15-gic',
    nodeName: 'intc@8000000',
    distributor: gpaRange(0x800_0000, 0x1_0000),
    cpuInterface: gpaRange(0x801_0000, 0x1_0000),
    vcpuInterface: gpaRange(0x804_0000, 0x1_0000),
  },
  timerPpis: { secure: 13, nonSecure: 14, virtual: 11, hypervisor: 10 },
  console: { name: 'virtio-console@130000', ...gpaRange(0x13_0000, 0x200), spi: 42 },
  vsock: { name: 'virtio-socket@140000', ...gpaRange(0x14_0000, 0x200), spi: 43 },
};

const messagesOf = (change: Partial<GuestLayout>): string[] =>
  checkGuestLayout({ ...good, ...change }, "board 'x'").map(({ code, message }) => `${code} ${message}`);

test('a good layout', () => {
  expect(messagesOf({})).toEqual([]);
});

test('[Initramfs] overlaps the DTB or kernel: refused in the layout, with both windows', () => {
  expect(messagesOf({ initrd: gpaWindow(0x4700_0000, 0x47f0_1000) })).toEqual([
    "GST104 DTB window [0x47f00000..0x48000000) overlaps initrd window [0x47000000..0x47f01000) of board 'x'",
  ]);
  expect(messagesOf({ initrd: gpaWindow(0x46ff_f000, 0x47f0_0000) })).toEqual([
    "GST104 initrd window [0x46fff000..0x47f00000) overlaps kernel window [0x40000000..0x47000000) of board 'x'",
  ]);
});

test.each<[Partial<GuestLayout>, string]>([
  [
    { ram: gpaRange(0x3ff0_0000, 0x810_0000) },
    "GST101 RAM [0x3ff00000..0x48000000) of board 'x' is not made of whole 2 MiB (0x200000) blocks: an arm64 kernel starts at such a block",
  ],
  [
    { ram: gpaRange(0x4000_0000, 0xff_d000_0000) },
    "GST102 RAM [0x40000000..0x10010000000) of board 'x' ends above 0x10000000000, the end of a guest's address space",
  ],
  [
    { dtb: gpaWindow(0x47f0_0000, 0x4801_0000) },
    "GST103 DTB window [0x47f00000..0x48010000) lies outside of RAM [0x40000000..0x48000000) of board 'x'",
  ],
  [
    { kernel: gpaWindow(0x4000_0000, 0x4000_0000) },
    "GST103 kernel window [0x40000000..0x40000000) is empty; it must lie in RAM [0x40000000..0x48000000) of board 'x'",
  ],
  [
    { console: { ...good.console, name: 'virtio-console@801fe00', base: gpa(0x801_fe00) } },
    "GST104 'virtio-console@801fe00' [0x801fe00..0x8020000) overlaps CPU interface of 'intc@8000000' [0x8010000..0x8020000) of board 'x'",
  ],
  [
    { vsock: { name: 'virtio-socket@40000000', ...gpaRange(0x4000_0000, 0x200), spi: 43 } },
    "GST104 'virtio-socket@40000000' [0x40000000..0x40000200) overlaps RAM [0x40000000..0x48000000) of board 'x'",
  ],
  [
    { initrd: gpaWindow(0x4700_0800, 0x47f0_0000) },
    "GST105 initrd window [0x47000800..0x47f00000) of board 'x' does not start at a 4 KiB (0x1000) page",
  ],
  [
    { dtb: gpaWindow(0x47f0_0004, 0x4800_0000) },
    "GST106 DTB window [0x47f00004..0x48000000) of board 'x' is not aligned to 8 bytes, which arm64 kernels demand",
  ],
  [
    { vsock: { ...good.vsock, ...gpaRange(0x14_0000, 0x100) } },
    "GST107 'virtio-socket@140000' of board 'x' has 256 B (0x100) of registers; virtio-mmio with its config space takes 512 B (0x200)",
  ],
  [
    { vsock: { ...good.vsock, spi: 988 } },
    "GST108 SPI 988 of 'virtio-socket@140000' of board 'x' is not in 0..987",
  ],
  [
    { vsock: { ...good.vsock, name: 'virtio-socket@150000' } },
    "GST109 node name 'virtio-socket@150000' of board 'x' does not end in its address @140000",
  ],
  [
    { vsock: { ...good.vsock, spi: 42 } },
    "GST110 'virtio-console@130000' and 'virtio-socket@140000' of board 'x' both use SPI 42",
  ],
])('%#: %s', (change, message) => {
  expect(messagesOf(change)).toEqual([message]);
});

test('all at once', () => {
  const found = messagesOf({
    ram: gpaRange(0x4010_0000, 0x10_0000),
    vsock: { ...good.vsock, name: 'x@1', spi: 42 },
  });
  expect(found.map((message) => message.slice(0, 6))).toEqual([
    'GST101',
    'GST103',
    'GST103',
    'GST103',
    'GST109',
    'GST110',
  ]);
});
