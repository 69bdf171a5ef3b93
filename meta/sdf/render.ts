// SPDX-License-Identifier: BSD-2-Clause
// A system as Microkit's System Description Format. Order of elements and attributes, number bases and blanks are
// sdfgen's, byte for byte (shared facts/sdfgen.md §2); unlike sdfgen it escapes what XML wants escaped.

import type {
  AnyIrq,
  CapMap,
  Channel,
  ChannelEnd,
  DomainSchedule,
  IoAddressSpace,
  IoPort,
  Mapping,
  MemoryRegion,
  ProtectionDomain,
  SystemDescription,
  VirtualMachine,
} from '../model.ts';
import { hex } from '../units.ts';

/** The SDF text of `system`, without a trailing newline. Pure: the same system gives the same bytes. */
export function renderSdf(system: SystemDescription): string {
  const lines = [
    // Microkit knows the domains of those protection domains only that come after them.
    ...(system.domains === undefined ? [] : renderDomains(system.domains)),
    ...system.memoryRegions.map(renderMr),
    ...system.protectionDomains.flatMap(renderPd),
    ...system.channels.flatMap(renderChannel),
    ...(system.ioAddressSpaces ?? []).flatMap(renderIoAddressSpace),
  ];
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<system>', ...lines.map(indent), '</system>'].join('\n');
}

type Attribute = readonly [name: string, value: string | number | bigint | boolean | undefined];

const renderMr = (mr: MemoryRegion): string =>
  empty('memory_region', [
    ['name', mr.name],
    ['size', mr.isSizedByPrefill === true ? undefined : hex(mr.size)],
    ['phys_addr', optionalHex(mr.paddr)],
    ['page_size', optionalHex(mr.pageSize)],
    ['prefill_path', mr.prefillPath],
    ['prefill_bootinfo', mr.prefillBootinfo],
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
    ['fpu', pd.fpu],
    ['domain', pd.domain],
    ['setvar_id', pd.setvarId],
  ];
  return element('protection_domain', attributes, [
    empty('program_image', [
      ['path', pd.programImage],
      ['path_for_symbols', pd.pathForSymbols],
    ]),
    ...pd.maps.map(renderMap),
    ...pd.children.flatMap(renderPd),
    ...(pd.virtualMachine === undefined ? [] : renderVm(pd.virtualMachine)),
    ...pd.irqs.map(renderIrq),
    ...(pd.ioPorts ?? []).map(renderIoPort),
    ...pd.setvars.map(({ symbol, regionPaddr }) =>
      empty('setvar', [
        ['symbol', symbol],
        ['region_paddr', regionPaddr.name],
      ]),
    ),
    ...(pd.cspace === undefined ? [] : element('cspace', [], pd.cspace.map(renderCapMap))),
  ]);
}

function renderVm(vm: VirtualMachine): string[] {
  const attributes: Attribute[] = [
    ['name', vm.name],
    ['priority', vm.priority],
    ['budget', vm.budget],
    ['period', vm.period],
  ];
  const vcpus = vm.vcpus.map(({ id, cpu, setvarId }) =>
    empty('vcpu', [
      ['id', id],
      ['cpu', cpu],
      ['setvar_id', setvarId],
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
    ['setvar_prefill_size', map.setvarPrefillSize],
    ['cached', map.cached],
  ]);

function renderIrq(irq: AnyIrq): string {
  const { id, setvarId } = irq;
  if ('irq' in irq)
    return empty('irq', [
      ['irq', irq.irq],
      ['id', id],
      ['trigger', irq.trigger],
      ['setvar_id', setvarId],
    ]);
  if ('pin' in irq)
    return empty('irq', [
      ['ioapic', irq.ioapic],
      ['pin', irq.pin],
      ['vector', irq.vector],
      ['id', id],
      ['trigger', irq.trigger],
      ['polarity', irq.polarity],
      ['setvar_id', setvarId],
    ]);
  return empty('irq', [
    ['pcidev', irq.pcidev],
    ['handle', irq.handle],
    ['vector', irq.vector],
    ['id', id],
    ['setvar_id', setvarId],
  ]);
}

const renderIoPort = (port: IoPort): string =>
  empty('ioport', [
    ['id', port.id],
    ['addr', hex(port.addr)],
    ['size', port.size],
    ['setvar_id', port.setvarId],
    ['setvar_addr', port.setvarAddr],
  ]);

const renderCapMap = ({ kind, slot, pd }: CapMap): string =>
  empty(`cap_${kind}`, [
    ['slot', slot],
    ['pd', pd],
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

const renderIoAddressSpace = ({ name, peripheralId, domainId, maps }: IoAddressSpace): string[] =>
  element(
    'io_address_space',
    [
      ['name', name],
      ['peripheral_id', peripheralId],
      ['domain_id', domainId],
    ],
    maps.map(({ mr, iovaddr, perms }) =>
      empty('iomap', [
        ['mr', mr.name],
        ['iovaddr', hex(iovaddr)],
        ['perms', perms],
      ]),
    ),
  );

function renderDomains({ domains, entries, startIndex, indexShift }: DomainSchedule): string[] {
  const slices = entries.map((entry) =>
    'end' in entry
      ? empty('schedule_end_marker', [])
      : empty('schedule_entry', [
          ['domain', entry.domain],
          ['duration', `${entry.duration} ${entry.unit}`],
        ]),
  );
  const bounds: Attribute[] = [
    ['start_index', startIndex],
    ['index_shift', indexShift],
  ];
  return element(
    'domains',
    [],
    [
      ...domains.map(({ name, id }) =>
        empty('domain', [
          ['name', name],
          ['id', id],
        ]),
      ),
      ...element('domain_schedule', bounds, slices),
    ],
  );
}

const element = (name: string, attributes: readonly Attribute[], children: readonly string[]): string[] => [
  `<${name}${renderAttributes(attributes)}>`,
  ...children.map(indent),
  `</${name}>`,
];

const empty = (name: string, attributes: readonly Attribute[]): string =>
  `<${name}${renderAttributes(attributes)} />`;

/** A loop: it runs thousands of times, most of them before the machine's compiler has had a look at it. */
function renderAttributes(attributes: readonly Attribute[]): string {
  let text = '';
  for (const [name, value] of attributes)
    if (value !== undefined) text += ` ${name}="${typeof value === 'string' ? escapeXml(value) : value}"`;
  return text;
}

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
