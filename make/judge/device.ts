// SPDX-License-Identifier: BSD-2-Clause
// A driver's device, the serial port or the timer: what the driver's .device_resources and the system description say,
// against sDDF's own device tree of the board and sDDF's config.json of the driver.
import type { Diagnostic } from '../../meta/diagnostic.ts';
import { errorFinding } from '../../meta/finding.ts';
import {
  addressesOf,
  alignDown,
  alignUp,
  findDriver,
  formatRange,
  hex,
  interruptsOf,
  pathOf,
  regionLimits,
  stringsOf,
} from '../../meta/index.ts';
import type { AddressRange } from '../store/sdk-board.ts';
import type { Evidence, JudgedDriver } from './evidence.ts';
import { isInOneOf } from './memory.ts';
import { ConfigBytes } from './probe.ts';

export function judgeDevice(evidence: Evidence, driver: JudgedDriver): Diagnostic[] {
  const { config, device } = driver;
  const resources = new ConfigBytes(driver.elf, '.device_resources', evidence.probe);
  const found: Diagnostic[] = [];
  if (findDriver([config], device.node) === undefined)
    found.push(
      errorFinding(
        'JDG140',
        `'${driver.elf.file}' was built from driver '${config.directory}' for ${quoted(config.compatible)}, but '${pathOf(device.node)}' of '${evidence.board.name}' is ${quoted(stringsOf(device.node, 'compatible'))}`,
        { hint: 'choose the driver that fits in board.ts' },
      ),
    );
  return [...found, ...judgeRegions(evidence, driver, resources), ...judgeIrqs(evidence, driver, resources)];
}

const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');

const inBoard = "correct the device's node in board.dts";

function judgeRegions(
  { sdk, systemPath }: Evidence,
  driver: JudgedDriver,
  resources: ConfigBytes,
): Diagnostic[] {
  const { device } = driver;
  const wanted = driver.config.resources.regions.filter(({ dt_index }) => dt_index !== undefined);
  const given = resources
    .elements(
      'device_resources_t.regions',
      'device_region_resource_t',
      resources.u8('device_resources_t.num_regions'),
    )
    .map((entry) => ({
      vaddr: entry.u64('device_region_resource_t.region.vaddr'),
      size: entry.u64('device_region_resource_t.region.size'),
      paddr: entry.u64('device_region_resource_t.io_addr'),
    }));
  const registers = addressesOf(device);
  return wanted.flatMap(({ name, dt_index, size }, i): Diagnostic[] => {
    const entry = given[i];
    const register = registers[dt_index ?? 0];
    const expected = register === undefined ? undefined : pagesOf(register, size);
    if (entry === undefined || expected === undefined || !isSame(entry, expected))
      return [
        errorFinding(
          'JDG141',
          `'${driver.elf.file}' will drive ${entry === undefined ? 'no registers' : formatRange(entry.paddr, entry.paddr + entry.size)} as '${name}', but sDDF has '${pathOf(device.node)}' of the board at ${expected === undefined ? 'no address' : formatRange(expected.start, expected.end)}`,
          { hint: inBoard },
        ),
      ];
    const mapped = driver.pd.maps.find(({ vaddr }) => vaddr === alignDown(entry.vaddr, page))?.region;
    const found: Diagnostic[] = [];
    if (mapped?.paddr !== expected.start || mapped.size < entry.size)
      found.push(
        errorFinding(
          'JDG142',
          `'${driver.elf.file}' expects ${hex(expected.start)} of the machine at ${hex(entry.vaddr)}, where the system maps ${mapped === undefined ? 'nothing' : `'${mapped.name}'`} for '${driver.pd.name}'`,
          { hint: "run 'vmbuild clean' and build again; report it if it stays", place: { file: systemPath } },
        ),
      );
    if (!isInOneOf(expected, sdk.devices))
      found.push(
        errorFinding(
          'JDG143',
          `'${pathOf(device.node)}' ${formatRange(expected.start, expected.end)} is not in what the SDK calls devices`,
          { hint: 'compare the SDK and sDDF: they are not for one board', place: { file: systemPath } },
        ),
      );
    return found;
  });
}

const page = regionLimits.pageBytes;

/** What a driver gets of a register range: whole pages, as many as its config.json wants. */
function pagesOf({ start, size }: { start: bigint; size: bigint }, wanted: bigint | undefined): AddressRange {
  const first = alignDown(start, page);
  return { start: first, end: first + (wanted ?? alignUp(size, page)) };
}

const isSame = ({ paddr, size }: { paddr: bigint; size: bigint }, { start, end }: AddressRange): boolean =>
  paddr === start && paddr + size === end;

function judgeIrqs({ systemPath }: Evidence, driver: JudgedDriver, resources: ConfigBytes): Diagnostic[] {
  const { device } = driver;
  const ids = resources
    .elements('device_resources_t.irqs', 'device_irq_resource_t', resources.u8('device_resources_t.num_irqs'))
    .map((entry) => entry.u8('device_irq_resource_t.id'));
  const interrupts = interruptsOf(device, 'aarch64');
  return driver.config.resources.irqs.flatMap(({ dt_index }, i): Diagnostic[] => {
    const expected = interrupts[dt_index];
    const given = driver.pd.irqs.find(({ id }) => id === ids[i]);
    if (expected !== undefined && given?.irq === expected.irq && given.trigger === expected.trigger)
      return [];
    return [
      errorFinding(
        'JDG144',
        `'${driver.pd.name}' gets ${given === undefined ? 'no interrupt' : `interrupt ${given.irq} (${given.trigger})`}, but sDDF has '${pathOf(device.node)}' of the board with ${expected === undefined ? 'none' : `interrupt ${expected.irq} (${expected.trigger ?? ''})`}`,
        { hint: inBoard, place: { file: systemPath } },
      ),
    ];
  });
}
