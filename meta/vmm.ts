// SPDX-License-Identifier: BSD-2-Clause
// A virtual machine monitor and its guest: guest RAM, the GIC's virtual CPU interface, virtio-mmio devices that the VMM
// emulates, and devices of the machine that the guest gets itself. Names and order are sdfgen's (shared facts §7); its
// bugs are not: a device's region is mapped once, `regions` and `irqs` are both honoured, a clash of names is refused.

import type { SystemBuilder } from './builder.ts';
import { duplicates } from './check/duplicates.ts';
import { type ComponentConfig, componentConfig } from './config/component.ts';
import { vmmConfig, vmmLimits } from './config/vmm.ts';
import { errorFinding } from './finding.ts';
import { type GuestMachine, spiToVirq, type VirtioMmioNode } from './guest.ts';
import { regionLimits } from './limits.ts';
import type { MemoryRegion, Trigger } from './model.ts';
import type { PdBuilder, VmBuilder, VmOptions } from './pd-builder.ts';
import { alignUp, hex, paddr } from './units.ts';
import { type PassthroughDevice, passThrough } from './vmm-passthrough.ts';

/** virtio 1.3 chapter 5: device ids, as libvmm's config has them. */
export const virtioDeviceType = { net: 1, block: 2, console: 3, vsock: 19, sound: 25 } as const;
export type VirtioDeviceKind = keyof typeof virtioDeviceType;

export interface VmmOptions {
  readonly pd: PdBuilder;
  readonly vm: VmOptions;
  readonly guest: GuestMachine;
  /** Devices that libvmm's own config struct lists; vsock has its own. */
  readonly virtioDevices?: readonly { readonly kind: VirtioDeviceKind; readonly node: VirtioMmioNode }[];
  readonly passthrough?: readonly PassthroughDevice[];
  readonly passthroughIrqs?: readonly {
    readonly irq: number;
    readonly trigger?: Trigger;
    readonly id?: number;
  }[];
  /** The guest's memory; default: a region `guest_ram_<vm>` is added. */
  readonly ram?: MemoryRegion;
  /** Guest RAM at the same physical address; for devices that do DMA without an SMMU. */
  readonly oneToOneRam?: boolean;
}

/** Wires the VMM up and gives its config. */
export function connectVmm(sdf: SystemBuilder, options: VmmOptions): ComponentConfig[] {
  const { pd, guest } = options;
  const vm = pd.setVirtualMachine(options.vm);
  const irqs = [
    ...(options.passthrough ?? []).flatMap((device) => passThrough(sdf, { pd, vm, device })),
    ...(options.passthroughIrqs ?? []).map((irq) => ({ id: pd.addIrq(irq), irq: irq.irq })),
  ];
  mapVcpuInterface(sdf, vm, guest);
  mapRam(sdf, options, vm);
  checkLimits(sdf, options, irqs.length);
  const devices = options.virtioDevices ?? [];
  return [
    componentConfig(
      { pd: pd.name, symbol: 'vmm_config', section: '.vmm_config', dataFile: `vmm_${pd.name}.data` },
      vmmConfig,
      {
        ram: guest.ram.base,
        ram_size: guest.ram.size,
        dtb: guest.dtb.start,
        initrd: guest.initrd.start,
        num_irqs: irqs.length,
        irqs,
        num_vcpus: options.vm.vcpus.length,
        vcpus: options.vm.vcpus.map(({ id }) => ({ id })),
        num_virtio_mmio_devices: devices.length,
        virtio_mmio_devices: devices.map(({ kind, node }) => ({
          type: virtioDeviceType[kind],
          base: node.base,
          size: Number(alignUp(node.size, regionLimits.pageBytes)),
          irq: spiToVirq(node.spi),
        })),
        num_uio_regions: 0,
        uios: [],
      },
    ),
  ];
}

/** The region is one for all VMs: each maps the machine's interface where its guest looks for the CPU interface. */
function mapVcpuInterface(sdf: SystemBuilder, vm: VmBuilder, { gic }: GuestMachine): void {
  const { cpuInterface, vcpuInterface } = gic;
  if (cpuInterface === undefined || vcpuInterface === undefined) return;
  const mr =
    sdf.findMrByPaddr(paddr(vcpuInterface.base)) ??
    sdf.addMr({ name: `${gic.nodeName}/vcpu`, size: vcpuInterface.size, paddr: vcpuInterface.base });
  vm.map(mr, { vaddr: cpuInterface.base, perms: 'rw', cached: false });
}

function mapRam(sdf: SystemBuilder, { pd, guest, ram, oneToOneRam }: VmmOptions, vm: VmBuilder): void {
  const { base, size } = guest.ram;
  const mr =
    ram ??
    sdf.addMr({
      name: guestRamName(vm.options.name),
      size,
      ...(oneToOneRam === true ? { paddr: base } : {}),
    });
  pd.map(mr, { vaddr: base, perms: 'rw' });
  vm.map(mr, { vaddr: base, perms: 'rwx' });
}

export const guestRamName = (vm: string): string => `guest_ram_${vm}`;

function checkLimits(sdf: SystemBuilder, options: VmmOptions, irqs: number): void {
  const { pd, vm, virtioDevices = [] } = options;
  const counts = [
    ['passthrough IRQs', irqs, vmmLimits.irqs],
    ['vCPUs', vm.vcpus.length, vmmLimits.vcpus],
    ['virtio devices', virtioDevices.length, vmmLimits.virtioDevices],
  ] as const;
  for (const [what, count, limit] of counts)
    if (count > limit)
      sdf.report(
        errorFinding('VMM101', `VMM '${pd.name}' has ${count} ${what}; libvmm takes ${limit}`, {
          hint: 'leave some out, or use a second VMM',
        }),
      );
  for (const { again } of duplicates(virtioDevices, ({ node }) => String(node.base)))
    sdf.report(
      errorFinding('VMM102', `VMM '${pd.name}' has two virtio devices at ${hex(again.node.base)}`, {
        hint: `give '${again.node.name}' its own node in the guest's device tree`,
      }),
    );
}
