// SPDX-License-Identifier: BSD-2-Clause
// A device of the machine handed to a guest: its register pages are mapped into the guest at their own addresses, its
// interrupts go to the VMM, which injects them.

import type { SystemBuilder } from './builder.ts';
import { type AddressRange, addressesOf } from './fdt/address.ts';
import { type Interrupt, interruptsOf } from './fdt/interrupt.ts';
import { type NodeInTree, pathOf } from './fdt/node.ts';
import { errorFinding } from './finding.ts';
import { regionLimits } from './limits.ts';
import type { PdBuilder, VmBuilder } from './pd-builder.ts';
import { alignDown, alignUp, hex, paddr } from './units.ts';

export interface PassthroughDevice {
  readonly at: NodeInTree;
  /** Indexes into `reg`; default: all. */
  readonly regions?: readonly number[];
  /** Indexes into `interrupts`; default: all. */
  readonly irqs?: readonly number[];
}

/** Maps the device and gives the interrupts for the VMM's config. */
export function passThrough(
  sdf: SystemBuilder,
  { pd, vm, device }: { pd: PdBuilder; vm: VmBuilder; device: PassthroughDevice },
): { id: number; irq: number }[] {
  const { at } = device;
  const registers = addressesOf(at);
  for (const { index, item } of choose(sdf, at, 'reg', registers, device.regions))
    mapRegisters(sdf, vm, {
      at,
      name: registers.length > 1 ? `${at.node.name}/${index}` : at.node.name,
      register: item,
    });
  const wantsIrqs = device.irqs === undefined || device.irqs.length > 0;
  const interrupts: readonly Interrupt[] = wantsIrqs ? interruptsOf(at, sdf.arch) : [];
  return choose(sdf, at, 'interrupts', interrupts, device.irqs).map(({ item }) => ({
    id: pd.addIrq(item),
    irq: item.irq,
  }));
}

function mapRegisters(
  sdf: SystemBuilder,
  vm: VmBuilder,
  { at, name, register }: { at: NodeInTree; name: string; register: AddressRange },
): void {
  const start = alignDown(register.start, regionLimits.pageBytes);
  const size = alignUp(register.start + register.size, regionLimits.pageBytes) - start;
  const mr = sdf.findMrByPaddr(paddr(start)) ?? sdf.addMr({ name, size, paddr: start });
  if (mr.size < size)
    sdf.report(
      errorFinding(
        'VMM104',
        `'${pathOf(at.node)}' takes ${hex(size)} bytes at ${hex(start)}, but memory region '${mr.name}' at that address has ${hex(mr.size)}`,
        {
          hint: 'pass the larger device through first',
          place: { file: at.tree.file },
        },
      ),
    );
  const mapped = vm.maps.some((map) => map.mr === mr && map.vaddr === start);
  if (!mapped) vm.map(mr, { vaddr: start, perms: 'rw', cached: false });
}

function choose<Item>(
  sdf: SystemBuilder,
  at: NodeInTree,
  property: string,
  items: readonly Item[],
  wanted: readonly number[] | undefined,
): { index: number; item: Item }[] {
  const indexes = wanted ?? items.map((_, index) => index);
  return indexes.flatMap((index) => {
    const item = items[index];
    if (item !== undefined) return [{ index, item }];
    sdf.report(
      errorFinding(
        'VMM103',
        `entry ${index} of '${property}' of '${pathOf(at.node)}' of device tree '${at.tree.file}' is to be passed through, but it has ${items.length}`,
        {
          hint: items.length === 0 ? 'leave it out' : `use 0 to ${items.length - 1}`,
          place: { file: at.tree.file },
        },
      ),
    );
    return [];
  });
}
