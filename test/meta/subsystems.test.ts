// SPDX-License-Identifier: BSD-2-Clause
// What the subsystems refuse: serial, drivers and their configs, VMMs, vsock. One fault, one text.

import { describe, expect, test } from 'vitest';
import {
  connectSerial,
  connectVmm,
  connectVsock,
  type Diagnostic,
  findNode,
  guestMachineFromTree,
  guestLayoutFromTree,
  paddr,
  parseDriverConfig,
  parseFdt,
  type PdBuilder,
  Refusal,
  SystemBuilder,
  vsockLimits,
} from '../../meta/index.ts';
import { guestTree, strings, words, writeFdt } from './fdt-writer.ts';

const tree = parseFdt(
  writeFdt({
    ...guestTree,
    children: [
      ...guestTree.children,
      {
        name: 'uart@9000000',
        properties: [
          ['compatible', strings('arm,pl011')],
          ['reg', words(0, 0x900_0800, 0, 0x800)],
          ['interrupts', words(0, 1, 4)],
        ],
        children: [],
      },
      {
        name: 'uart@9000000,2',
        properties: [
          ['compatible', strings('arm,pl011')],
          ['reg', words(0, 0x900_0400, 0, 0x400)],
          ['interrupts', words(0, 3, 4)],
        ],
        children: [],
      },
      {
        name: 'off@a000000',
        properties: [
          ['compatible', strings('arm,pl011')],
          ['status', strings('disabled')],
          ['reg', words(0, 0xa00_0000, 0, 0x1000)],
          ['interrupts', words(0, 2, 4)],
        ],
        children: [],
      },
    ],
  }),
  'x.dtb',
);
const layout = guestLayoutFromTree(tree, {
  console: 'bus@100000/console@30000',
  vsock: 'bus@100000/socket@40000',
});

const config = (regions: object[], irqs: object[] = []): unknown => ({
  compatible: ['arm,pl011'],
  resources: { regions, irqs },
});

describe('driver configs', () => {
  test.each([
    [{ ...(config([]) as object), extra: 1 }, `driver config 'c.json': the whole: Unrecognized key: "extra"`],
    [config([{ name: 'r', size: -1 }]), /^driver config 'c.json': resources.regions.0.size: /],
    [config([{ name: 'r', size: '0x' }]), /^driver config 'c.json': resources.regions.0.size: /],
    [config([{ name: 'r', size: 4096, perms: 'w' }]), /^driver config 'c.json': resources.regions.0.perms: /],
    [
      config([
        { name: 'r', size: 1 },
        { name: 'r', size: 1 },
      ]),
      "driver config 'c.json' has the region name 'r' twice",
    ],
    [
      config([
        { name: 'r', dt_index: 0 },
        { name: 's', dt_index: 0 },
      ]),
      "driver config 'c.json' has dt_index 0 for regions 'r' and 's'",
    ],
    [config([], [{ dt_index: 0 }, { dt_index: 0 }]), "driver config 'c.json' has dt_index 0 for two irqs"],
    [config([{ name: 'r' }]), "driver config 'c.json' has region 'r' with neither dt_index nor size"],
    [
      config([{ name: 'r', dt_index: 0, cached: true }]),
      "driver config 'c.json' has region 'r' with dt_index and cached: true, which no device register may be",
    ],
  ])('%j', (input, message) => {
    const [finding, ...more] = refusalOf(() => parseDriverConfig(input, 'serial/x', 'c.json'));
    expect(more).toEqual([]);
    expect(finding?.message).toMatch(message);
    expect(finding?.code).toBe(finding?.message.includes(`'c.json' has `) ? 'DRV102' : 'DRV101');
  });

  test('numbers as JSON has them and as strings; defaults as sDDF has them', () => {
    const parsed = parseDriverConfig(
      config([
        { name: 'r', size: '0x2000' },
        { name: 's', size: 4096 },
      ]),
      'serial/x',
      'c',
    );
    expect(parsed.resources.regions).toEqual([
      { name: 'r', size: 0x2000n, perms: 'rw', cached: false },
      { name: 's', size: 0x1000n, perms: 'rw', cached: false },
    ]);
  });
});

describe('devices', () => {
  const attach = (path: string, regions: object[], irqs: object[] = [], compatible = ['arm,pl011']) => {
    const sdf = builder();
    const driver = parseDriverConfig({ compatible, resources: { regions, irqs } }, 'serial/x', 'c.json');
    const configs = connectSerial(sdf, {
      ...parts(sdf),
      device: { at: findNode(tree, path), drivers: [driver] },
    });
    return { sdf, configs, messages: sdf.findings.map(({ code, message }) => `${code} ${message}`) };
  };

  test('registers inside of a page: the page is mapped, the address has the offset', () => {
    const { sdf, configs, messages } = attach(
      'uart@9000000',
      [{ name: 'regs', dt_index: 0 }],
      [{ dt_index: 0 }],
    );
    expect(messages).toEqual([]);
    expect(sdf.describe().memoryRegions[0]).toMatchObject({
      name: 'uart@9000000/drivers/serial/x/regs',
      paddr: 0x900_0000n,
      size: 0x1000n,
    });
    const bytes = Buffer.from(configs[0]?.bytes() ?? []);
    expect(bytes.readBigUInt64LE(8)).toBe(0x2000_0800n);
    expect(bytes.readBigUInt64LE(24)).toBe(0x900_0000n);
  });

  test('devices that share a page share its region', () => {
    const sdf = builder();
    const driver = parseDriverConfig(config([{ name: 'regs', dt_index: 0 }]), 'serial/x', 'c.json');
    const pd = (name: string): PdBuilder => sdf.addPd({ name, programImage: 'x.elf' });
    for (const [i, path] of ['uart@9000000', 'uart@9000000,2'].entries())
      connectSerial(sdf, {
        device: { at: findNode(tree, path), drivers: [driver] },
        driver: pd(`driver${i}`),
        virtTx: pd(`virt_tx${i}`),
        clients: [],
      });
    const { system } = sdf.build();
    expect(system.memoryRegions.filter(({ paddr }) => paddr !== undefined).map(({ name }) => name)).toEqual([
      'uart@9000000/drivers/serial/x/regs',
    ]);
  });

  test.each([
    ['off@a000000', [], [], ['arm,pl011'], /^DRV202 device '\/off@a000000' .* has status 'disabled'/],
    [
      'uart@9000000',
      [],
      [],
      ['ns16550a'],
      /^DRV201 cannot find driver matching 'arm,pl011' of '\/uart@9000000'/,
    ],
    [
      'uart@9000000',
      [{ name: 'r', dt_index: 3 }],
      [],
      ['arm,pl011'],
      /^DRV203 .* wants reg 3 of .* which has 1$/,
    ],
    [
      'uart@9000000',
      [{ name: 'r', dt_index: 0, size: 0x2000 }],
      [],
      ['arm,pl011'],
      /^DRV204 .* wants 0x2000 bytes/,
    ],
    ['uart@9000000', [], [{ dt_index: 1 }], ['arm,pl011'], /^DRV205 .* wants interrupt 1 of .* which has 1$/],
  ])('%s %j %j', (path, regions, irqs, compatible, message) => {
    const { messages } = attach(path, regions, irqs, compatible);
    expect(messages.length).toBe(1);
    expect(messages[0]).toMatch(message);
  });
});

describe('serial', () => {
  const messagesOf = (
    change: (sdf: SystemBuilder) => Partial<Parameters<typeof connectSerial>[1]>,
  ): string[] => {
    const sdf = builder();
    const options = parts(sdf);
    connectSerial(sdf, { ...options, ...change(sdf) });
    return sdf.findings.map(({ code, message }) => `${code} ${message}`);
  };
  const pd = (sdf: SystemBuilder, name: string): PdBuilder => sdf.addPd({ name, programImage: 'x.elf' });

  test('names of 64 bytes', () => {
    expect(messagesOf((sdf) => ({ clients: [pd(sdf, 'c'.repeat(64))] }))).toEqual([
      `SER103 serial client '${'c'.repeat(64)}' has a name of 64 bytes; sDDF takes 63`,
    ]);
  });
  test('begin strings of 128 bytes, and with a NUL', () => {
    const refused =
      /^SER104 the begin string of the serial subsystem of 'driver' has (128|3) bytes; sDDF takes 127/;
    expect(messagesOf(() => ({ beginString: 'é'.repeat(64) }))).toEqual([expect.stringMatching(refused)]);
    expect(messagesOf(() => ({ beginString: 'a\0b' }))).toEqual([expect.stringMatching(refused)]);
    expect(messagesOf(() => ({ beginString: 'é'.repeat(63) }))).toEqual([]);
  });
  test('65 clients: too many for the struct, and no ids left for the last', () => {
    const messages = messagesOf((sdf) => ({
      clients: Array.from({ length: 65 }, (_, i) => pd(sdf, `c${i}`)),
    }));
    expect(messages[0]).toBe("SER102 the serial subsystem of 'driver' has 65 clients; sDDF takes 64");
    expect(messages.slice(1).every((message) => message.startsWith('SDF105'))).toBe(true);
  });
  test('one protection domain in two parts, one client twice', () => {
    expect(
      messagesOf((sdf) => {
        const client = pd(sdf, 'c');
        return { clients: [client, client] };
      }),
    ).toEqual(["SER101 'c' has two parts in the serial subsystem of 'driver'"]);
  });
  test('a baud rate that is none', () => {
    expect(messagesOf(() => ({ baudRate: 0.5 }))).toEqual([
      "SER105 baud rate 0.5 of the serial subsystem of 'driver' is no positive integer",
    ]);
  });
});

describe('VMMs', () => {
  const connect = (
    options: Partial<Parameters<typeof connectVmm>[1]>,
  ): { sdf: SystemBuilder; messages: string[] } => {
    const sdf = builder();
    connectVmm(sdf, {
      pd: sdf.addPd({ name: 'VMM', programImage: 'vmm.elf', priority: 2 }),
      vm: { name: 'linux', vcpus: [{ id: 0 }] },
      guest: guestMachineFromTree(tree),
      ...options,
    });
    return { sdf, messages: sdf.findings.map(({ code, message }) => `${code} ${message}`) };
  };

  test('33 interrupts', () => {
    const { messages } = connect({
      passthroughIrqs: Array.from({ length: 33 }, (_, i) => ({ irq: 100 + i })),
    });
    expect(messages).toEqual(["VMM101 VMM 'VMM' has 33 passthrough IRQs; libvmm takes 32"]);
  });
  test('two virtio devices at one address', () => {
    const device = { kind: 'console', node: layout.console } as const;
    expect(connect({ virtioDevices: [device, device] }).messages).toEqual([
      "VMM102 VMM 'VMM' has two virtio devices at 0x130000",
    ]);
  });
  test('an index that the device has not', () => {
    const at = findNode(tree, 'uart@9000000');
    expect(connect({ passthrough: [{ at, regions: [1] }] }).messages).toEqual([
      "VMM103 entry 1 of 'reg' of '/uart@9000000' of device tree 'x.dtb' is to be passed through, but it has 1",
    ]);
  });
  test('a second device at an address whose region is too small for it', () => {
    const at = findNode(tree, 'uart@9000000');
    const sdf = builder();
    sdf.addMr({ name: 'little', size: 0x800n, paddr: 0x900_0000n });
    connectVmm(sdf, {
      pd: sdf.addPd({ name: 'VMM', programImage: 'x.elf' }),
      vm: { name: 'linux', vcpus: [{ id: 0 }] },
      guest: guestMachineFromTree(tree),
      passthrough: [{ at }],
    });
    expect(sdf.findings.map(({ code, message }) => `${code} ${message}`)).toContain(
      "VMM104 '/uart@9000000' takes 0x1000 bytes at 0x9000000, but memory region 'little' at that address has 0x800",
    );
  });
  test('a device twice is mapped once, and regions are honoured beside irqs', () => {
    const at = findNode(tree, 'uart@9000000');
    const { sdf, messages } = connect({
      passthrough: [
        { at, irqs: [] },
        { at, irqs: [0] },
        { at: findNode(tree, 'off@a000000'), regions: [], irqs: [0] },
      ],
    });
    expect(messages).toEqual([]);
    const { system } = sdf.build();
    expect(system.protectionDomains[0]?.virtualMachine?.maps.map(({ mr }) => mr.name)).toEqual([
      'uart@9000000',
      'intc@8000000/vcpu',
      'guest_ram_linux',
    ]);
    expect(system.protectionDomains[0]?.irqs).toMatchObject([{ irq: 33 }, { irq: 34 }]);
  });
});

describe('vsock', () => {
  const connect = (
    cids: readonly number[],
    ringBytes?: bigint,
  ): { sdf: SystemBuilder; messages: string[] } => {
    const sdf = builder();
    connectVsock(sdf, {
      members: cids.map((cid, i) => ({
        pd: sdf.addPd({ name: `V${i}`, programImage: 'x.elf' }),
        cid,
        node: layout.vsock,
      })),
      ...(ringBytes === undefined ? {} : { ringBytes }),
    });
    return { sdf, messages: sdf.findings.map(({ code, message }) => `${code} ${message}`) };
  };

  test.each([2, -1, 2 ** 32 - 1, 3.5])('[Board file] CID reserved or duplicate: CID %d is refused', (cid) => {
    expect(connect([cid, 3]).messages).toEqual([
      `VSK101 CID ${cid} of 'V0' is not in 3..4294967294: 0, 1, 2 and 4294967295 are reserved`,
    ]);
  });
  test('CIDs at both ends of the range', () => {
    expect(connect([3, 2 ** 32 - 2]).messages).toEqual([]);
  });
  test('[Board file] CID reserved or duplicate: the same CID twice is refused, both are named', () => {
    expect(connect([5, 5]).messages).toEqual(["VSK102 'V0' and 'V1' both have CID 5"]);
  });
  test('a member twice', () => {
    const sdf = builder();
    const pd = sdf.addPd({ name: 'V', programImage: 'x.elf' });
    connectVsock(sdf, { members: [3, 4].map((cid) => ({ pd, cid, node: layout.vsock })) });
    expect(sdf.findings.map(({ code, message }) => `${code} ${message}`)).toContain(
      "VSK103 'V' is a member of the vsock connection twice",
    );
  });
  test('more peers than the C side has room for', () => {
    const cids = Array.from({ length: vsockLimits.maxPeers + 2 }, (_, i) => 3 + i);
    expect(connect(cids.slice(1)).messages).toEqual([]);
    expect(connect(cids).messages).toEqual([
      'VSK104 17 VMMs are to be connected by vsock; each can have 15 peers',
    ]);
  });
  test.each([0n, 0x1000n, 0x1800n, 0x2800n, 0x4000n, 0x200_1000n])('regions of %d bytes', (ringBytes) => {
    expect(connect([3, 4], ringBytes).messages).toEqual([expect.stringMatching(/^VSK105 vsock regions of /)]);
  });
  test.each([0x2000n, 0x3000n, 0x100_1000n])('regions of %d bytes are fine', (ringBytes) => {
    expect(connect([3, 4], ringBytes).messages).toEqual([]);
  });
  test('a region belongs to one writer, and one reader maps it read-only', () => {
    const { sdf } = connect([3, 4, 5]);
    const { system } = sdf.build();
    expect(system.channels.length).toBe(3);
    for (const { name } of system.memoryRegions) {
      const [, owner, reader] = name.split('/');
      const maps = system.protectionDomains.flatMap((pd) =>
        pd.maps.filter(({ mr }) => mr.name === name).map(({ perms }) => [pd.name, perms]),
      );
      expect(maps.length).toBe(2);
      expect(Object.fromEntries(maps)).toEqual({ [`${owner}`]: 'rw', [`${reader}`]: 'r' });
    }
  });
});

function builder(): SystemBuilder {
  return new SystemBuilder({ arch: 'aarch64', paddrTop: paddr(0x6000_0000) });
}

function parts(sdf: SystemBuilder): Parameters<typeof connectSerial>[1] {
  const pd = (name: string): PdBuilder => sdf.addPd({ name, programImage: `${name}.elf` });
  return { driver: pd('driver'), virtTx: pd('virt_tx'), virtRx: pd('virt_rx'), clients: [pd('client')] };
}

function refusalOf(act: () => unknown): readonly Diagnostic[] {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error.diagnostics;
    throw error;
  }
  return [];
}
