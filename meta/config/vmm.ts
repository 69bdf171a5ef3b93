// SPDX-License-Identifier: BSD-2-Clause
// libvmm's own config struct (include/libvmm/config.h at 0.2.0).

import { array, magic, text, u32, u64, u8, type ValueOf } from './field.ts';
import { struct } from './struct.ts';

/** VMM_MAX_IRQS, VMM_MAX_VCPUS, VMM_MAX_VIRTIO_MMIO_DEVICES, VMM_MAX_UIOS, VMM_UIO_NAME_MAX_LEN. */
export const vmmLimits = { irqs: 32, vcpus: 32, virtioDevices: 32, uios: 16, uioNameBytes: 32 } as const;

const header = '<libvmm/config.h>';

const vmmIrq = struct({ cName: 'vmm_config_irq_t', header, fields: { id: u8, irq: u32 } });
const vmmVcpu = struct({ cName: 'vmm_config_vcpu_t', header, fields: { id: u8 } });
const vmmVirtioDevice = struct({
  cName: 'vmm_config_virtio_mmio_device_t',
  header,
  fields: { type: u8, base: u64, size: u32, irq: u32 },
});
const vmmUio = struct({
  cName: 'vmm_config_uio_region_t',
  header,
  fields: { name: text(vmmLimits.uioNameBytes), guest_paddr: u64, vmm_vaddr: u64, size: u64, irq: u32 },
});

export const vmmConfig = struct({
  cName: 'vmm_config_t',
  header,
  fields: {
    magic: magic('vmm'),
    ram: u64,
    ram_size: u64,
    dtb: u64,
    initrd: u64,
    num_irqs: u8,
    irqs: array(vmmIrq, vmmLimits.irqs),
    num_vcpus: u8,
    vcpus: array(vmmVcpu, vmmLimits.vcpus),
    num_virtio_mmio_devices: u8,
    virtio_mmio_devices: array(vmmVirtioDevice, vmmLimits.virtioDevices),
    num_uio_regions: u8,
    uios: array(vmmUio, vmmLimits.uios),
  },
});
export type VmmConfigValue = ValueOf<typeof vmmConfig>;
