// SPDX-License-Identifier: BSD-2-Clause
// Gives a driver's protection domain its device: registers and DMA regions mapped, interrupts attached, and the
// device_resources struct that tells the driver where they are. Order and names are sdfgen's (shared facts §6).

import { type ComponentConfig, componentConfig } from '../config/component.ts';
import { deviceResources, type DeviceResourcesValue } from '../config/device.ts';
import { type AddressRange, addressesOf } from '../fdt/address.ts';
import { interruptsOf } from '../fdt/interrupt.ts';
import type { FdtNode } from '../fdt/parse.ts';
import { isEnabled, type NodeInTree, pathOf, stringsOf } from '../fdt/node.ts';
import { errorFinding } from '../finding.ts';
import { regionLimits } from '../limits.ts';
import type { MemoryRegion } from '../model.ts';
import type { SystemBuilder } from '../builder.ts';
import type { PdBuilder } from '../pd-builder.ts';
import { alignDown, alignUp, hex, paddr } from '../units.ts';
import type { DriverConfig } from './driver-config.ts';

/** A device in the board's tree and the drivers to choose from. Without one the driver gets empty resources. */
export interface Device {
  readonly at: NodeInTree;
  readonly drivers: readonly DriverConfig[];
}

/** Creates the resources of `driver` and gives their config. */
export function attachDevice(
  sdf: SystemBuilder,
  driver: PdBuilder,
  device: Device | undefined,
): ComponentConfig {
  const value = device === undefined ? noResources : createResources(sdf, driver, device);
  return componentConfig(
    {
      pd: driver.name,
      symbol: 'device_resources',
      section: '.device_resources',
      dataFile: `${driver.name}_device_resources.data`,
    },
    deviceResources,
    value,
  );
}

const noResources: DeviceResourcesValue = { num_regions: 0, num_irqs: 0, regions: [], irqs: [] };

function createResources(
  sdf: SystemBuilder,
  driver: PdBuilder,
  { at, drivers }: Device,
): DeviceResourcesValue {
  const config = findDriver(drivers, at.node);
  if (config === undefined) {
    sdf.report(noDriver(at, drivers));
    return noResources;
  }
  if (!isEnabled(at.node))
    sdf.report(
      errorFinding(
        'DRV202',
        `device '${pathOf(at.node)}' of device tree '${at.tree.file}' has status '${stringsOf(at.node, 'status')[0]}', so '${driver.name}' cannot drive it`,
        {
          hint: 'use another device, or a tree in which it is okay',
          place: { file: at.tree.file },
        },
      ),
    );
  const registers = addressesOf(at);
  const regions = config.resources.regions.map((wanted) =>
    mapRegion({ sdf, driver, at, config, registers, wanted }),
  );
  const irqs = attachInterrupts(sdf, driver, at, config);
  return { num_regions: regions.length, num_irqs: irqs.length, regions, irqs };
}

/** The first driver one of whose compatibles is one of the node's. */
export const findDriver = (drivers: readonly DriverConfig[], node: FdtNode): DriverConfig | undefined => {
  const wanted = new Set(stringsOf(node, 'compatible'));
  return drivers.find(({ compatible }) => compatible.some((name) => wanted.has(name)));
};

interface RegionTask {
  readonly sdf: SystemBuilder;
  readonly driver: PdBuilder;
  readonly at: NodeInTree;
  readonly config: DriverConfig;
  readonly registers: readonly AddressRange[];
  readonly wanted: DriverConfig['resources']['regions'][number];
}

type RegionEntry = DeviceResourcesValue['regions'][number];

function mapRegion(task: RegionTask): RegionEntry {
  const { driver, wanted } = task;
  const { mr, offset } =
    wanted.dt_index === undefined ? { mr: dmaRegion(task), offset: 0n } : registerRegion(task);
  const vaddr = driver.map(mr, {
    perms: wanted.perms,
    cached: wanted.cached,
    ...(wanted.setvar_vaddr === undefined ? {} : { setvarVaddr: wanted.setvar_vaddr }),
  });
  return { region: { vaddr: vaddr + offset, size: mr.size }, io_addr: mr.paddr ?? 0n };
}

const regionName = ({ at, config, wanted }: RegionTask): string =>
  `${at.node.name}/drivers/${config.directory}/${wanted.name}`;

const dmaRegion = (task: RegionTask): MemoryRegion =>
  task.sdf.addMr({
    name: regionName(task),
    size: task.wanted.size ?? regionLimits.pageBytes,
    physical: true,
  });

/** Whole pages around the registers; a region that is there already is shared (QEMU's virtio-mmio: 8 in a page). */
function registerRegion(task: RegionTask): { mr: MemoryRegion; offset: bigint } {
  const { sdf, at, wanted, registers } = task;
  const register = registers[wanted.dt_index ?? 0];
  if (register === undefined) {
    sdf.report(
      errorFinding(
        'DRV203',
        `region '${wanted.name}' of driver '${task.config.directory}' wants reg ${wanted.dt_index} of '${pathOf(at.node)}' of device tree '${at.tree.file}', which has ${registers.length}`,
        {
          hint: 'use the driver that fits the device',
          place: { file: at.tree.file },
        },
      ),
    );
    return { mr: { name: regionName(task), size: 0x1000n as MemoryRegion['size'] }, offset: 0n };
  }
  const page = regionLimits.pageBytes;
  const start = alignDown(register.start, page);
  const available = alignUp(register.size, page);
  const size = wanted.size ?? available;
  if (size > available || size % page !== 0n)
    sdf.report(
      errorFinding(
        'DRV204',
        `region '${wanted.name}' of driver '${task.config.directory}' wants ${hex(size)} bytes of '${pathOf(at.node)}', whose reg ${wanted.dt_index} has ${hex(register.size)} bytes in pages of ${hex(page)}`,
        {
          hint: `use a multiple of ${hex(page)} up to ${hex(available)}`,
          place: { file: at.tree.file },
        },
      ),
    );
  const mr = sdf.findMrByPaddr(paddr(start)) ?? sdf.addMr({ name: regionName(task), size, paddr: start });
  return { mr, offset: register.start - start };
}

function attachInterrupts(
  sdf: SystemBuilder,
  driver: PdBuilder,
  at: NodeInTree,
  config: DriverConfig,
): { id: number }[] {
  const wanted = config.resources.irqs;
  if (wanted.length === 0) return [];
  const interrupts = interruptsOf(at, sdf.arch);
  return wanted.flatMap(({ dt_index, channel_id }) => {
    const interrupt = interrupts[dt_index];
    if (interrupt !== undefined)
      return [
        { id: driver.addIrq({ ...interrupt, ...(channel_id === undefined ? {} : { id: channel_id }) }) },
      ];
    sdf.report(
      errorFinding(
        'DRV205',
        `driver '${config.directory}' wants interrupt ${dt_index} of '${pathOf(at.node)}' of device tree '${at.tree.file}', which has ${interrupts.length}`,
        {
          hint: 'use the driver that fits the device',
          place: { file: at.tree.file },
        },
      ),
    );
    return [];
  });
}

function noDriver(at: NodeInTree, drivers: readonly DriverConfig[]): ReturnType<typeof errorFinding> {
  const wanted = stringsOf(at.node, 'compatible').map((name) => `'${name}'`);
  return errorFinding(
    'DRV201',
    `cannot find driver matching ${wanted.length === 0 ? "no 'compatible' at all" : wanted.join(', ')} of '${pathOf(at.node)}' of device tree '${at.tree.file}'`,
    {
      hint: `the drivers fit ${
        drivers
          .flatMap(({ compatible }) => compatible)
          .map((name) => `'${name}'`)
          .join(', ') || 'nothing: none is given'
      }`,
      place: { file: at.tree.file },
    },
  );
}
