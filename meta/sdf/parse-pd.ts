// SPDX-License-Identifier: BSD-2-Clause
// <protection_domain> with everything in it; children are read by the same function.

import type {
  AnyIrq,
  Architecture,
  CapMap,
  IoPort,
  Mapping,
  ProtectionDomain,
  Scheduling,
  Setvar,
  VirtualMachine,
} from '../model.ts';
import { bytes } from '../units.ts';
import type { XmlElement } from '../xml.ts';
import { parseCspace } from './parse-cspace.ts';
import { parseIoPort, parseIrq } from './parse-irq.ts';
import { parseMap } from './parse-map.ts';
import { parseVm } from './parse-vm.ts';
import type { SdfReader } from './reader.ts';
import type { Regions } from './regions.ts';

const attributes = [
  'name',
  'priority',
  'budget',
  'period',
  'passive',
  'stack_size',
  'smc',
  'cpu',
  'domain',
  'fpu',
];
const childAttributes = [...attributes, 'id', 'setvar_id'];

export interface PdContext {
  readonly isChild: boolean;
  readonly arch: Architecture;
}

export function parsePd(
  reader: SdfReader,
  element: XmlElement,
  regions: Regions,
  context: PdContext,
): ProtectionDomain {
  reader.allow(element, context.isChild ? childAttributes : attributes);
  reader.noText(element);
  const place = reader.placeOf(element);
  const name = reader.required(element, 'name');
  const childId = context.isChild ? reader.requiredNumber(element, 'id') : undefined;
  const own = parseAttributes(reader, element);
  const content = parseContent(reader, element, name, regions, context.arch);
  return {
    // A name that is missing has been said; this one is no other's.
    name: name ?? `protection_domain at ${place.line}:${place.column}`,
    ...own,
    ...content,
    ...(childId === undefined ? {} : { childId: Number(childId) }),
    place,
  };
}

function parseAttributes(reader: SdfReader, element: XmlElement): Partial<ProtectionDomain> {
  const passive = reader.bool(element, 'passive');
  const stackSize = reader.number(element, 'stack_size');
  const smc = reader.bool(element, 'smc');
  const cpu = reader.number(element, 'cpu');
  const fpu = reader.bool(element, 'fpu');
  const domain = reader.optional(element, 'domain');
  const setvarId = reader.optional(element, 'setvar_id');
  return {
    ...parseScheduling(reader, element),
    ...(passive === undefined ? {} : { passive }),
    ...(stackSize === undefined ? {} : { stackSize: bytes(stackSize) }),
    ...(smc === undefined ? {} : { smc }),
    ...(cpu === undefined ? {} : { cpu: Number(cpu) }),
    ...(fpu === undefined ? {} : { fpu }),
    ...(domain === undefined ? {} : { domain }),
    ...(setvarId === undefined ? {} : { setvarId }),
  };
}

/** What protection domains and virtual machines share. */
export function parseScheduling(reader: SdfReader, element: XmlElement): Scheduling {
  const priority = reader.number(element, 'priority');
  const budget = reader.number(element, 'budget');
  const period = reader.number(element, 'period');
  return {
    ...(priority === undefined ? {} : { priority: Number(priority) }),
    ...(budget === undefined ? {} : { budget: Number(budget) }),
    ...(period === undefined ? {} : { period: Number(period) }),
  };
}

type Content = Pick<
  ProtectionDomain,
  | 'programImage'
  | 'pathForSymbols'
  | 'maps'
  | 'children'
  | 'virtualMachine'
  | 'irqs'
  | 'setvars'
  | 'ioPorts'
  | 'cspace'
>;

const elements = [
  'program_image',
  'map',
  'irq',
  'ioport',
  'setvar',
  'protection_domain',
  'virtual_machine',
  'cspace',
];

function parseContent(
  reader: SdfReader,
  pd: XmlElement,
  name: string | undefined,
  regions: Regions,
  arch: Architecture,
): Content {
  const maps: Mapping[] = [];
  const irqs: AnyIrq[] = [];
  const ioPorts: IoPort[] = [];
  const setvars: Setvar[] = [];
  const children: ProtectionDomain[] = [];
  let virtualMachine: VirtualMachine | undefined;
  let cspace: readonly CapMap[] | undefined;
  const keep = <Item>(list: Item[], item: Item | undefined): void => {
    if (item !== undefined) list.push(item);
  };
  for (const child of pd.children)
    switch (child.name) {
      case 'program_image':
        break;
      case 'map':
        keep(maps, parseMap(reader, child, regions, { inVm: false }));
        break;
      case 'irq':
        keep(irqs, parseIrq(reader, child, arch));
        break;
      case 'ioport':
        keep(ioPorts, parseIoPort(reader, child));
        break;
      case 'setvar':
        keep(setvars, parseSetvar(reader, child, regions));
        break;
      case 'protection_domain':
        keep(children, parsePd(reader, child, regions, { isChild: true, arch }));
        break;
      case 'virtual_machine':
        virtualMachine = parseVm(reader, child, regions) ?? virtualMachine;
        break;
      case 'cspace':
        cspace = parseCspace(reader, child);
        break;
      default:
        reader.say(
          'SDF708',
          `Invalid XML element '${child.name}'`,
          child,
          reader.suggest(child.name, elements),
        );
    }
  for (const once of ['virtual_machine', 'cspace'] as const)
    if (pd.children.filter((child) => child.name === once).length > 1)
      reader.error('SDF732', `${once} must only be specified once`, pd, 'take the others out');
  return {
    ...parseProgramImage(reader, pd, name),
    maps,
    irqs,
    setvars,
    children,
    ...(ioPorts.length === 0 ? {} : { ioPorts }),
    ...(virtualMachine === undefined ? {} : { virtualMachine }),
    ...(cspace === undefined ? {} : { cspace }),
  };
}

function parseProgramImage(
  reader: SdfReader,
  pd: XmlElement,
  name: string | undefined,
): Pick<ProtectionDomain, 'programImage' | 'pathForSymbols'> {
  const images = pd.children.filter((child) => child.name === 'program_image');
  for (const image of images) {
    reader.allow(image, ['path', 'path_for_symbols']);
    reader.leaf(image);
  }
  const [image] = images;
  if (image === undefined)
    reader.say(
      'SDF730',
      `missing 'program_image' element on protection_domain: '${name ?? ''}'`,
      pd,
      'add <program_image path="….elf"/>',
    );
  if (images.length > 1)
    reader.error('SDF731', 'program_image must only be specified once', pd, 'take the others out');
  // What is missing has been said: a stand-in keeps the rules from saying it again.
  const path = image === undefined ? undefined : reader.required(image, 'path');
  const forSymbols = image === undefined ? undefined : reader.optional(image, 'path_for_symbols');
  return {
    programImage: path ?? 'missing.elf',
    ...(forSymbols === undefined ? {} : { pathForSymbols: forSymbols }),
  };
}

function parseSetvar(reader: SdfReader, element: XmlElement, regions: Regions): Setvar | undefined {
  reader.allow(element, ['symbol', 'region_paddr']);
  reader.leaf(element);
  const symbol = reader.required(element, 'symbol');
  const region = reader.required(element, 'region_paddr');
  if (symbol === undefined || region === undefined) return undefined;
  return { symbol, regionPaddr: regions.find(region), place: reader.placeOf(element) };
}
