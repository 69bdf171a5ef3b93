// SPDX-License-Identifier: BSD-2-Clause
// sDDF's device resources (include/sddf/resources/{common,device}.h at a15355c7): what a driver finds of its device.

import { array, magic, pointer, u64, u8 } from './field.ts';
import { struct } from './struct.ts';
import type { ValueOf } from './field.ts';

export const region = struct({
  cName: 'region_resource_t',
  header: '<sddf/resources/common.h>',
  fields: { vaddr: pointer, size: u64 },
});
export type RegionValue = ValueOf<typeof region>;

const deviceRegion = struct({
  cName: 'device_region_resource_t',
  header: '<sddf/resources/device.h>',
  fields: { region, io_addr: u64 },
});

const deviceIrq = struct({
  cName: 'device_irq_resource_t',
  header: '<sddf/resources/device.h>',
  fields: { id: u8 },
});

/** DEVICE_MAX_REGIONS and DEVICE_MAX_IRQS. */
export const deviceLimits = { regions: 64, irqs: 64 } as const;

export const deviceResources = struct({
  cName: 'device_resources_t',
  header: '<sddf/resources/device.h>',
  fields: {
    magic: magic('sDDF\u0001'),
    num_regions: u8,
    num_irqs: u8,
    regions: array(deviceRegion, deviceLimits.regions),
    irqs: array(deviceIrq, deviceLimits.irqs),
  },
});
export type DeviceResourcesValue = ValueOf<typeof deviceResources>;
