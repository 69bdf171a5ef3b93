// SPDX-License-Identifier: BSD-2-Clause
// A description as the TypeScript that a person would have written for it: `vmbuild import`. What it makes when it runs
// is the same description, with every id and address as the file has it.

import type {
  AnyIrq,
  CapMap,
  Channel,
  ChannelEnd,
  DomainSchedule,
  IoAddressSpace,
  Mapping,
  MemoryRegion,
  ProtectionDomain,
  Scheduling,
  SystemDescription,
  VirtualMachine,
} from '../model.ts';
import { allPds } from '../model.ts';
import { hex } from '../units.ts';
import {
  bigHex,
  callWithObject,
  type Fields,
  objectLiteral,
  plain,
  stringLiteral,
  stringOr,
} from './literal.ts';
import { makeNameGiver } from './names.ts';

/**
 * The source of a file for `--system`, with a newline at its end. `system` has no errors: what names a region or a
 * protection domain names one that is there. `origin` is the name of the file that it was read from.
 */
export function renderSource(system: SystemDescription, origin: string): string {
  const names = nameAll(system);
  const body = [
    ...(system.domains === undefined ? [] : [renderDomains(system.domains)]),
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
    '});',
    '',
  ].join('\n');
}

const indent = '  ';

/** Names of constants, for what is spoken of again. */
interface Names {
  readonly regions: ReadonlyMap<MemoryRegion, string>;
  readonly pds: ReadonlyMap<ProtectionDomain, string>;
  readonly pdsByName: ReadonlyMap<string, string>;
  readonly vms: ReadonlyMap<VirtualMachine, string>;
  readonly spaces: ReadonlyMap<IoAddressSpace, string>;
}

function nameAll(system: SystemDescription): Names {
  const giver = makeNameGiver();
  const all = allPds(system.protectionDomains);
  const spokenOf = new Set([
    ...system.channels.flatMap(({ a, b }) => [a.pd, b.pd]),
    ...all.flatMap(({ cspace = [] }) => cspace.map(({ pd }) => pd)),
  ]);
  const pds = new Map<ProtectionDomain, string>();
  const vms = new Map<VirtualMachine, string>();
  for (const pd of all) if (spokenOf.has(pd.name) || hasContent(pd)) pds.set(pd, giver.give(pd.name, 'Pd'));
  for (const { virtualMachine: vm } of all)
    if (vm !== undefined && vm.maps.length > 0) vms.set(vm, giver.give(vm.name, 'Vm'));
  const used = new Set<MemoryRegion>([
    ...all.flatMap(({ maps, virtualMachine, setvars }) => [
      ...[...maps, ...(virtualMachine?.maps ?? [])].map(({ mr }) => mr),
      ...setvars.map(({ regionPaddr }) => regionPaddr),
    ]),
    ...(system.ioAddressSpaces ?? []).flatMap(({ maps }) => maps.map(({ mr }) => mr)),
  ]);
  const regions = new Map(
    system.memoryRegions.filter((mr) => used.has(mr)).map((mr) => [mr, giver.give(mr.name, 'Mr')]),
  );
  const spaces = new Map(
    (system.ioAddressSpaces ?? [])
      .filter(({ maps }) => maps.length > 0)
      .map((space) => [space, giver.give(space.name, 'Space')]),
  );
  const pdsByName = new Map([...pds].map(([pd, name]) => [pd.name, name]));
  return { regions, pds, pdsByName, vms, spaces };
}

const hasContent = (pd: ProtectionDomain): boolean =>
  pd.maps.length + pd.irqs.length + pd.setvars.length + pd.children.length + (pd.ioPorts ?? []).length > 0 ||
  (pd.cspace ?? []).length > 0 ||
  pd.virtualMachine !== undefined;

function known<Key>(names: ReadonlyMap<Key, string>, key: Key): string {
  const name = names.get(key);
  if (name === undefined) throw new RangeError('a description without errors names what is there');
  return name;
}

const constant = (name: string | undefined): string => (name === undefined ? '' : `const ${name} = `);

const renderRegion = (mr: MemoryRegion, { regions }: Names): string[] =>
  callWithObject(
    `${constant(regions.get(mr))}sdf.addMr(`,
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
  );

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
      ...callWithObject(`${constant(name)}${maker}`, fields, tail, indent),
      ...pd.maps.flatMap((map) => renderMap(map, own, names)),
      ...(pd.virtualMachine === undefined ? [] : renderVm(pd.virtualMachine, own, names)),
      ...pd.irqs.flatMap((irq) => callWithObject(`${own}.addIrq(`, irqFields(irq), ');', indent)),
      ...(pd.ioPorts ?? []).flatMap(({ id, addr, size, setvarId, setvarAddr }) =>
        callWithObject(
          `${own}.addIoPort(`,
          [
            ['id', plain(id)],
            ['addr', hex(addr)],
            ['size', plain(size)],
            ['setvarId', stringOr(setvarId)],
            ['setvarAddr', stringOr(setvarAddr)],
          ],
          ');',
          indent,
        ),
      ),
      ...pd.setvars.flatMap(({ symbol, regionPaddr }) =>
        callWithObject(
          `${own}.addSetvar(`,
          [
            ['symbol', stringLiteral(symbol)],
            ['regionPaddr', known(names.regions, regionPaddr)],
          ],
          ');',
          indent,
        ),
      ),
    ],
    ...pd.children.flatMap((child) => renderPd(child, names, own)),
  ];
}

const renderMap = (map: Mapping, owner: string, { regions }: Names): string[] =>
  callWithObject(
    `${owner}.map(${known(regions, map.mr)}, `,
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
  );

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

const renderCap = (pd: ProtectionDomain, { kind, slot, pd: other }: CapMap, names: Names): string[] =>
  callWithObject(
    `${known(names.pds, pd)}.addCap(`,
    [
      ['kind', stringLiteral(kind)],
      ['slot', plain(slot)],
      ['of', known(names.pdsByName, other)],
    ],
    ');',
    indent,
  );

function renderChannel({ a, b }: Channel, names: Names): string[] {
  const end = ({ pd, id, notify, pp, setvarId }: ChannelEnd): string =>
    objectLiteral([
      ['pd', known(names.pdsByName, pd)],
      ['id', plain(id)],
      ['notify', plain(notify)],
      ['pp', plain(pp)],
      ['setvarId', stringOr(setvarId)],
    ]);
  return callWithObject(
    'sdf.addChannel(',
    [
      ['a', end(a)],
      ['b', end(b)],
    ],
    ');',
    indent,
  );
}

function renderIoSpace(space: IoAddressSpace, names: Names): string[] {
  const name = names.spaces.get(space);
  return [
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
    ...space.maps.flatMap(({ mr, iovaddr, perms }) =>
      callWithObject(
        `${name ?? ''}.map(${known(names.regions, mr)}, `,
        [
          ['iovaddr', bigHex(iovaddr)],
          ['perms', stringLiteral(perms)],
        ],
        ');',
        indent,
      ),
    ),
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
