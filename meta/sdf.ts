// SPDX-License-Identifier: BSD-2-Clause
// A system as Microkit's System Description Format. Order of elements and attributes, number bases and blanks are
// sdfgen's, byte for byte (shared facts/sdfgen.md §2); unlike sdfgen it escapes what XML wants escaped.

import type {
  Channel,
  ChannelEnd,
  Irq,
  Mapping,
  MemoryRegion,
  ProtectionDomain,
  SystemDescription,
  VirtualMachine,
} from './model.ts';
import { hex } from './units.ts';

/** The SDF text of `system`, without a trailing newline. Pure: the same system gives the same bytes. */
export function renderSdf(system: SystemDescription): string {
  const lines = [
    ...system.memoryRegions.map(renderMr),
    ...system.protectionDomains.flatMap(renderPd),
    ...system.channels.flatMap(renderChannel),
  ];
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<system>', ...lines.map(indent), '</system>'].join('\n');
}

type Attribute = readonly [name: string, value: string | number | boolean | undefined];

const renderMr = (mr: MemoryRegion): string =>
  empty('memory_region', [
    ['name', mr.name],
    ['size', hex(mr.size)],
    ['phys_addr', optionalHex(mr.paddr)],
    ['page_size', optionalHex(mr.pageSize)],
  ]);

function renderPd(pd: ProtectionDomain): string[] {
  const attributes: Attribute[] = [
    ['name', pd.name],
    ['id', pd.childId],
    ['priority', pd.priority],
    ['budget', pd.budget],
    ['period', pd.period],
    ['passive', pd.passive],
    ['stack_size', optionalHex(pd.stackSize)],
    ['smc', pd.smc],
    ['cpu', pd.cpu],
  ];
  return element('protection_domain', attributes, [
    empty('program_image', [['path', pd.programImage]]),
    ...pd.maps.map(renderMap),
    ...pd.children.flatMap(renderPd),
    ...(pd.virtualMachine === undefined ? [] : renderVm(pd.virtualMachine)),
    ...pd.irqs.map(renderIrq),
    ...pd.setvars.map(({ symbol, regionPaddr }) =>
      empty('setvar', [
        ['symbol', symbol],
        ['region_paddr', regionPaddr.name],
      ]),
    ),
  ]);
}

function renderVm(vm: VirtualMachine): string[] {
  const attributes: Attribute[] = [
    ['name', vm.name],
    ['priority', vm.priority],
    ['budget', vm.budget],
    ['period', vm.period],
  ];
  const vcpus = vm.vcpus.map(({ id, cpu }) =>
    empty('vcpu', [
      ['id', id],
      ['cpu', cpu],
    ]),
  );
  return element('virtual_machine', attributes, [...vcpus, ...vm.maps.map(renderMap)]);
}

const renderMap = (map: Mapping): string =>
  empty('map', [
    ['mr', map.mr.name],
    ['vaddr', hex(map.vaddr)],
    ['perms', map.perms],
    ['setvar_vaddr', map.setvarVaddr],
    ['setvar_size', map.setvarSize],
    ['cached', map.cached],
  ]);

const renderIrq = (irq: Irq): string =>
  empty('irq', [
    ['irq', irq.irq],
    ['id', irq.id],
    ['trigger', irq.trigger],
    ['setvar_id', irq.setvarId],
  ]);

const renderChannel = ({ a, b }: Channel): string[] => element('channel', [], [a, b].map(renderEnd));

/** `pp` is written as "true" or not at all: absent is Microkit's false. */
const renderEnd = (end: ChannelEnd): string =>
  empty('end', [
    ['pd', end.pd],
    ['id', end.id],
    ['notify', end.notify],
    ['pp', end.pp === true ? true : undefined],
    ['setvar_id', end.setvarId],
  ]);

const element = (name: string, attributes: readonly Attribute[], children: readonly string[]): string[] => [
  `<${name}${renderAttributes(attributes)}>`,
  ...children.map(indent),
  `</${name}>`,
];

const empty = (name: string, attributes: readonly Attribute[]): string =>
  `<${name}${renderAttributes(attributes)} />`;

const renderAttributes = (attributes: readonly Attribute[]): string =>
  attributes
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('');

const indent = (line: string): string => `    ${line}`;

const optionalHex = (value: bigint | undefined): string | undefined =>
  value === undefined ? undefined : hex(value);

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** Blanks other than a space are escaped too: an XML reader would turn them into spaces. */
const escapeXml = (text: string): string => text.replace(/[&<>"\t\n\r]/g, (char) => escapes[char] ?? char);
