// SPDX-License-Identifier: BSD-2-Clause
// Systems that together use everything of Microkit 2.3 on Arm that becomes a capability, as plain values: what a builder
// does not know is here too.
import {
  bytes,
  type Mapping,
  type MemoryRegion,
  paddr,
  type ProtectionDomain,
  type SystemDescription,
} from '../../meta/index.ts';

export const pd = (name: string, more: Partial<ProtectionDomain> = {}): ProtectionDomain => ({
  name,
  programImage: `${name}.elf`,
  maps: [],
  children: [],
  irqs: [],
  setvars: [],
  place: { file: 'a.ts', line: 1 },
  ...more,
});

export const region = (name: string, size: bigint, more: Partial<MemoryRegion> = {}): MemoryRegion => ({
  name,
  size: bytes(size),
  ...more,
});

export const map = (
  mr: MemoryRegion,
  vaddr: bigint,
  perms: Mapping['perms'] = 'rw',
  more: Partial<Mapping> = {},
): Mapping => ({ mr, vaddr, perms, place: { file: 'a.ts', line: 2 }, ...more });

export const system = (
  protectionDomains: readonly ProtectionDomain[],
  more: Partial<SystemDescription> = {},
): SystemDescription => ({
  arch: 'aarch64',
  memoryRegions: [...new Set(protectionDomains.flatMap(regionsOf)), ...(more.memoryRegions ?? [])],
  protectionDomains,
  channels: [],
  ...Object.fromEntries(Object.entries(more).filter(([name]) => name !== 'memoryRegions')),
});

const regionsOf = ({ maps, virtualMachine, children }: ProtectionDomain): MemoryRegion[] => [
  ...maps.map(({ mr }) => mr),
  ...(virtualMachine?.maps ?? []).map(({ mr }) => mr),
  ...children.flatMap(regionsOf),
];

/** The bytes of a file that fills two pages and a bit. */
export const fileBytes = Uint8Array.from({ length: 0x2010 }, (_, i) => i % 251);

const uart = region('uart', 0x1000n, { paddr: paddr(0x900_0000) });
const shared = region('shared', 0x3000n);
const large = region('large', 0x60_0000n);
const smallPages = region('small pages', 0x4000n, { pageSize: bytes(0x1000) });
const readOnly = region('read only', 0x2000n);
const told = region('told', 0x4000n);
const filled = region('filled', 0x3000n, { prefillPath: 'filled.bin' });
const tree = region('tree', 0x1000n, { prefillBootinfo: 'fdt' });
const code = region('code', 0x1000n);

/** Two protection domains and a region. */
export const smallSystem = system(
  [
    pd('a', { priority: 1, maps: [map(shared, 0x2000_0000n)] }),
    pd('b', { priority: 2, maps: [map(shared, 0x3000_0000n, 'r')] }),
  ],
  { channels: [{ a: { pd: 'a', id: 3, pp: true }, b: { pd: 'b', id: 5, notify: false } }] },
);

/** Everything that a system without domains has. */
export const wholeSystem = system(
  [
    pd('driver', {
      priority: 254,
      passive: true,
      stackSize: bytes(0x5000),
      maps: [map(uart, 0x2000_0000n, 'rw', { cached: false }), map(shared, 0x20_0000_0000n)],
      irqs: [
        { irq: 33, id: 0, trigger: 'level' },
        { irq: 40, id: 61, trigger: 'edge' },
      ],
    }),
    pd('parent', {
      priority: 100,
      budget: 300,
      period: 7000,
      smc: true,
      fpu: false,
      maps: [
        map(large, 0x4000_0000n, 'rwx', { setvarVaddr: 'at', setvarSize: 'size' }),
        map(smallPages, 0x5000_0000n),
        map(shared, 0x6000_0000n, 'r', { cached: false }),
      ],
      setvars: [{ symbol: 'address', regionPaddr: told }],
      children: [
        pd('child', {
          childId: 7,
          priority: 30,
          maps: [map(filled, 0x7000_0000n, 'r')],
          children: [pd('grandchild', { childId: 0, passive: true, maps: [map(tree, 0x800_0000n, 'r')] })],
        }),
        pd('sibling', {
          childId: 61,
          maps: [map(code, 0x1_0000_0000n, 'rx'), map(readOnly, 0x900_0000n, 'r')],
        }),
      ],
      cspace: [
        { kind: 'tcb', slot: 1, pd: 'driver' },
        { kind: 'sc', slot: 2, pd: 'child' },
        { kind: 'vspace', slot: 63, pd: 'sibling' },
      ],
    }),
    pd('vmm', {
      priority: 50,
      maps: [map(large, 0x8000_0000n)],
      virtualMachine: {
        name: 'guest',
        priority: 20,
        budget: 400,
        period: 500,
        vcpus: [{ id: 0 }, { id: 2 }],
        maps: [map(large, 0x4000_0000n, 'rwx'), map(uart, 0x900_0000n, 'rw', { cached: false })],
      },
    }),
  ],
  {
    memoryRegions: [told, region('unmapped', 0x40_0000n)],
    channels: [
      { a: { pd: 'driver', id: 1 }, b: { pd: 'parent', id: 2, pp: true } },
      { a: { pd: 'child', id: 9, notify: false }, b: { pd: 'vmm', id: 60 } },
      { a: { pd: 'sibling', id: 4, pp: true, notify: false }, b: { pd: 'parent', id: 0, notify: false } },
    ],
  },
);

export const wholePrefills = { 'filled.bin': fileBytes };

/** A domain schedule with an id that is given and one that the tool chooses. */
export const domainSystem = system(
  [pd('a', { domain: 'x', priority: 3 }), pd('b', { domain: 'y', priority: 4 })],
  {
    domains: {
      domains: [{ name: 'x', id: 3 }, { name: 'y' }],
      entries: [
        { domain: 'x', duration: 500n, unit: 'us' },
        { domain: 'y', duration: 7n, unit: 'ticks' },
        { end: true },
      ],
      startIndex: 0n,
      indexShift: 2n,
    },
  },
);
