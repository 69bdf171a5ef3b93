// SPDX-License-Identifier: BSD-2-Clause
// The boards that the goldens were made for: addresses and node paths as the programs that made them had them.

import { type Architecture, findNode, type Device, paddr, SystemBuilder } from '../../meta/index.ts';
import { readDrivers, readTree } from './conformance.ts';

export interface GoldenBoard {
  readonly name: string;
  readonly arch: Architecture;
  readonly paddrTop: bigint;
  readonly serial: string;
  readonly timer: string;
  /** Which guest tree the VMM cases used; none on RISC-V. */
  readonly gic?: 'gicv2' | 'gicv3';
}

export const goldenBoards: readonly GoldenBoard[] = [
  {
    name: 'qemu_virt_aarch64',
    arch: 'aarch64',
    paddrTop: 0x6000_0000n,
    serial: 'pl011@9000000',
    timer: 'timer',
    gic: 'gicv2',
  },
  {
    name: 'maaxboard',
    arch: 'aarch64',
    paddrTop: 0x7000_0000n,
    serial: 'soc@0/bus@30800000/serial@30860000',
    timer: 'soc@0/bus@30000000/timer@302d0000',
    gic: 'gicv3',
  },
  {
    name: 'odroidc4',
    arch: 'aarch64',
    paddrTop: 0x6000_0000n,
    serial: 'soc/bus@ff800000/serial@3000',
    timer: 'soc/bus@ffd00000/watchdog@f0d0',
    gic: 'gicv2',
  },
  {
    name: 'qemu_virt_riscv64',
    arch: 'riscv64',
    paddrTop: 0xa000_0000n,
    serial: 'soc/serial@10000000',
    timer: 'soc/rtc@101000',
  },
];

export const armBoards = goldenBoards.filter(({ gic }) => gic !== undefined);

export const builderFor = ({ arch, paddrTop }: Pick<GoldenBoard, 'arch' | 'paddrTop'>): SystemBuilder =>
  new SystemBuilder({ arch, paddrTop: paddr(paddrTop) });

export const serialDevice = (board: GoldenBoard): Device => ({
  at: findNode(readTree(`dtb/${board.name}.dtb`), board.serial),
  drivers: readDrivers('serial'),
});
