// SPDX-License-Identifier: BSD-2-Clause
// A description as the TypeScript that a person would have written for it: `vmbuild import`. What it makes when it runs
// is the same description, with every id and address as the file has it.

import type { Place } from '../diagnostic.ts';
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
  Scheduling,
  Setvar,
  SystemDescription,
  VirtualMachine,
} from '../model.ts';
import { allPds } from '../model.ts';
import { hex } from '../units.ts';
import { type Comments, noComments } from './comments.ts';
import { type Constants, known, nameConstants } from './constants.ts';
import {
  bigHex,
  callWithObject,
  type Fields,
  objectLiteral,
  plain,
  stringLiteral,
  stringOr,
} from './literal.ts';

/**
 * The source of a file for `--system`, with a newline at its end. `system` has no errors: what names a region or a
 * protection domain names one that is there. `origin` is the name of the file that it was read from, `comments` are those
 * that go along.
 */
export function renderSource(system: SystemDescription, origin: string, comments = noComments): string {
  const names = { ...nameConstants(system), comments };
  const body = [
    ...(system.domains === undefined
      ? []
      : [[...remarks(system.domains, names), ...renderDomains(system.domains)]]),
    system.memoryRegions.flatMap((region) => renderRegion(region, names)),
    ...system.protectionDomains.flatMap((pd) => renderPd(pd, names, undefined)),
    allPds(system.protectionDomains).flatMap((pd) =>
      (pd.cspace ?? []).flatMap((cap) => renderCap(pd, cap, names)),
    ),
    system.channels.flatMap((channel) => renderChannel(channel, names)),
    ...(system.ioAddressSpaces ?? []).map((space) => renderIoSpace(space, names)),
  ].filter((paragraph) => paragraph.length > 0);
  return [
    `// The system of ${stringLiteral(origin)}, for ${system.arch}; made by \`vmbuild import\`.`,
    "import { defineSystem } from 'vmbuild/meta';",
    '',
    `export default defineSystem((${body.length === 0 ? '' : '{ sdf }'}) => {`,
    ...body.flatMap((paragraph, index) => (index === 0 ? paragraph : ['', ...paragraph])),
    ...comments.atEnd.map(renderComment),
    '});',
    '',
  ].join('\n');
}

const indent = '  ';

/** What is at hand wherever a statement is rendered. */
interface Names extends Constants {
  readonly comments: Comments;
}

/** The comment above a statement. */
const remarks = ({ place }: { readonly place?: Place }, { comments }: Names): string[] =>
  place === undefined ? [] : (comments.of.get(place) ?? []).map(renderComment);

const renderComment = (text: string): string => `${indent}//${text === '' ? '' : ` ${text}`}`;

const constant = (name: string | undefined): string => (name === undefined ? '' : `const ${name} = `);

const renderRegion = (mr: MemoryRegion, names: Names): string[] => [
  ...remarks(mr, names),
  ...callWithObject(
    `${constant(names.regions.get(mr))}sdf.addMr(`,
    [
      ['name', stringLiteral(mr.name)],
      ['size', bigHex(mr.size)],
      ['paddr', bigHex(mr.paddr)],
      ['pageSize', bigHex(mr.pageSize)],
      ['prefillPath', stringOr(mr.prefillPath)],
      ['prefillBootinfo', stringOr(mr.prefillBootinfo)],
      ['isSizedByPrefill', plain(mr.isSizedByPrefill)],
    ],
    ');',
    indent,
  ),
];

const scheduling = ({ priority, budget, period }: Scheduling): Fields => [
  ['priority', plain(priority)],
  ['budget', plain(budget)],
  ['period', plain(period)],
];

/** One paragraph for each protection domain, its children after it. */
function renderPd(pd: ProtectionDomain, names: Names, parent: string | undefined): string[][] {
  const name = names.pds.get(pd);
  const own = name ?? '';
  const maker = parent === undefined ? 'sdf.addPd(' : `${parent}.addChild(`;
  const fields: Fields = [
    ['name', stringLiteral(pd.name)],
    ['programImage', stringLiteral(pd.programImage)],
    ['pathForSymbols', stringOr(pd.pathForSymbols)],
    ...scheduling(pd),
    ['passive', plain(pd.passive)],
    ['stackSize', bigHex(pd.stackSize)],
    ['smc', plain(pd.smc)],
    ['cpu', plain(pd.cpu)],
    ['fpu', plain(pd.fpu)],
    ['domain', stringOr(pd.domain)],
    ['setvarId', stringOr(pd.setvarId)],
  ];
  const tail = pd.childId === undefined ? ');' : `, ${pd.childId});`;
  return [
    [
      ...remarks(pd, names),
      ...callWithObject(`${constant(name)}${maker}`, fields, tail, indent),
      ...pd.maps.flatMap((map) => renderMap(map, own, names)),
      ...(pd.virtualMachine === undefined ? [] : renderVm(pd.virtualMachine, own, names)),
      ...pd.irqs.flatMap((irq) => [
        ...remarks(irq, names),
        ...callWithObject(`${own}.addIrq(`, irqFields(irq), ');', indent),
      ]),
      ...(pd.ioPorts ?? []).flatMap((port) => [
        ...remarks(port, names),
        ...callWithObject(`${own}.addIoPort(`, portFields(port), ');', indent),
      ]),
      ...pd.setvars.flatMap((setvar) => [
        ...remarks(setvar, names),
        ...callWithObject(`${own}.addSetvar(`, setvarFields(setvar, names), ');', indent),
      ]),
    ],
    ...pd.children.flatMap((child) => renderPd(child, names, own)),
  ];
}

const portFields = ({ id, addr, size, setvarId, setvarAddr }: IoPort): Fields => [
  ['id', plain(id)],
  ['addr', hex(addr)],
  ['size', plain(size)],
  ['setvarId', stringOr(setvarId)],
  ['setvarAddr', stringOr(setvarAddr)],
];

const setvarFields = ({ symbol, regionPaddr }: Setvar, { regions }: Names): Fields => [
  ['symbol', stringLiteral(symbol)],
  ['regionPaddr', known(regions, regionPaddr)],
];

const renderMap = (map: Mapping, owner: string, names: Names): string[] => [
  ...remarks(map, names),
  ...callWithObject(
    `${owner}.map(${known(names.regions, map.mr)}, `,
    [
      ['vaddr', bigHex(map.vaddr)],
      ['perms', stringLiteral(map.perms)],
      ['cached', plain(map.cached)],
      ['setvarVaddr', stringOr(map.setvarVaddr)],
      ['setvarSize', stringOr(map.setvarSize)],
      ['setvarPrefillSize', stringOr(map.setvarPrefillSize)],
    ],
    ');',
    indent,
  ),
];

function renderVm(vm: VirtualMachine, owner: string, names: Names): string[] {
  const name = names.vms.get(vm);
  const vcpus = vm.vcpus.map(({ id, cpu, setvarId }) =>
    objectLiteral([
      ['id', plain(id)],
      ['cpu', plain(cpu)],
      ['setvarId', stringOr(setvarId)],
    ]),
  );
  return [
    ...remarks(vm, names),
    ...callWithObject(
      `${constant(name)}${owner}.setVirtualMachine(`,
      [['name', stringLiteral(vm.name)], ...scheduling(vm), ['vcpus', `[${vcpus.join(', ')}]`]],
      ');',
      indent,
    ),
    ...vm.maps.flatMap((map) => renderMap(map, name ?? '', names)),
  ];
}

function irqFields(irq: AnyIrq): Fields {
  const id = ['id', plain(irq.id)] as const;
  const setvarId = ['setvarId', stringOr(irq.setvarId)] as const;
  if ('irq' in irq) return [['irq', plain(irq.irq)], id, ['trigger', stringOr(irq.trigger)], setvarId];
  if ('pin' in irq)
    return [
      ['ioapic', plain(irq.ioapic)],
      ['pin', plain(irq.pin)],
      ['vector', plain(irq.vector)],
      id,
      ['trigger', stringOr(irq.trigger)],
      ['polarity', stringOr(irq.polarity)],
      setvarId,
    ];
  return [
    ['pcidev', stringLiteral(irq.pcidev)],
    ['handle', plain(irq.handle)],
    ['vector', plain(irq.vector)],
    id,
    setvarId,
  ];
}

const renderCap = (pd: ProtectionDomain, cap: CapMap, names: Names): string[] => [
  ...remarks(cap, names),
  ...callWithObject(
    `${known(names.pds, pd)}.addCap(`,
    [
      ['kind', stringLiteral(cap.kind)],
      ['slot', plain(cap.slot)],
      ['of', known(names.pdsByName, cap.pd)],
    ],
    ');',
    indent,
  ),
];

function renderChannel(channel: Channel, names: Names): string[] {
  const end = ({ pd, id, notify, pp, setvarId }: ChannelEnd): string =>
    objectLiteral([
      ['pd', known(names.pdsByName, pd)],
      ['id', plain(id)],
      ['notify', plain(notify)],
      ['pp', plain(pp)],
      ['setvarId', stringOr(setvarId)],
    ]);
  return [
    ...remarks(channel, names),
    ...callWithObject(
      'sdf.addChannel(',
      [
        ['a', end(channel.a)],
        ['b', end(channel.b)],
      ],
      ');',
      indent,
    ),
  ];
}

function renderIoSpace(space: IoAddressSpace, names: Names): string[] {
  const name = names.spaces.get(space);
  return [
    ...remarks(space, names),
    ...callWithObject(
      `${constant(name)}sdf.addIoAddressSpace(`,
      [
        ['name', stringLiteral(space.name)],
        ['peripheralId', stringLiteral(space.peripheralId)],
        ['domainId', plain(space.domainId)],
      ],
      ');',
      indent,
    ),
    ...space.maps.flatMap((map) => [
      ...remarks(map, names),
      ...callWithObject(
        `${name ?? ''}.map(${known(names.regions, map.mr)}, `,
        [
          ['iovaddr', bigHex(map.iovaddr)],
          ['perms', stringLiteral(map.perms)],
        ],
        ');',
        indent,
      ),
    ]),
  ];
}

function renderDomains({ domains, entries, startIndex, indexShift }: DomainSchedule): string[] {
  const list = (name: string, items: readonly string[]): string[] => [
    `    ${name}: [`,
    ...items.map((item) => `      ${item},`),
    '    ],',
  ];
  const index = (name: string, value: bigint | undefined): string[] =>
    value === undefined ? [] : [`    ${name}: ${value}n,`];
  return [
    '  sdf.setDomainSchedule({',
    ...list(
      'domains',
      domains.map(({ name, id }) =>
        objectLiteral([
          ['name', stringLiteral(name)],
          ['id', plain(id)],
        ]),
      ),
    ),
    ...list(
      'entries',
      entries.map((entry) =>
        'end' in entry
          ? '{ end: true }'
          : objectLiteral([
              ['domain', stringLiteral(entry.domain)],
              ['duration', `${entry.duration}n`],
              ['unit', stringLiteral(entry.unit)],
            ]),
      ),
    ),
    ...index('startIndex', startIndex),
    ...index('indexShift', indexShift),
    '  });',
  ];
}
