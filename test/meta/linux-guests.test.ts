// SPDX-License-Identifier: BSD-2-Clause
// addLinux and addVsock: what they add, what it is connected with, and what is wrong said at the user's line.

import { beforeEach, describe, expect, test } from 'vitest';
import { loadBoard } from '../../boards/index.ts';
import {
  defineSystem,
  describeOwnSystem,
  type OwnSystem,
  type SystemContext,
} from '../../meta/define-system.ts';
import { allPds } from '../../meta/index.ts';
import type { EmbeddedGuest, Program } from '../../meta/program.ts';
import { requireOrSkip } from '../require.ts';
import { dtc } from './upstream.ts';
import { compileBoardTree } from './vsock-fixture.ts';

beforeEach((ctx) => {
  requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
});

const own = async (
  define: (context: SystemContext) => void,
  board = 'qemu_virt_aarch64',
): Promise<OwnSystem> =>
  describeOwnSystem(defineSystem(define), { board: await loadBoard(board), tree: compileBoardTree(board) });

const said = ({ findings }: OwnSystem) => findings.map(({ code, message }) => `${code} ${message}`);

const names = ({ system }: OwnSystem) => allPds(system.protectionDomains).map(({ name }) => name);

const symbolsOf = ({ configs }: OwnSystem, pd: string) =>
  configs.filter((config) => config.pd === pd).map(({ symbol }) => symbol);

/** The config `symbol` of `pd` as C. */
const valueOf = ({ configs }: OwnSystem, pd: string, symbol: string): string =>
  configs.find((config) => config.pd === pd && config.symbol === symbol)?.initializer() ?? 'none';

const guestOf = (described: OwnSystem, pd: string): EmbeddedGuest | undefined => {
  const program: Program | undefined = described.programs.get(pd);
  return program !== undefined && 'guest' in program ? program.guest : undefined;
};

/** With serial port and timer for all VMMs. */
const wired =
  (define: (context: SystemContext) => ReturnType<SystemContext['addLinux']>[]) =>
  (context: SystemContext): void => {
    const clients = define(context).map(({ vmm }) => vmm);
    context.addSerial({ clients, receive: true });
    context.addTimer({ clients });
  };

describe('addLinux', () => {
  test.each(['qemu_virt_aarch64', 'maaxboard'])(
    'one guest is all that the VMM of vmbuild needs, on %s',
    async (board) => {
      const described = await own(
        wired(({ addLinux }) => [addLinux({ name: 'linux' })]),
        board,
      );
      expect(said(described)).toEqual([]);
      expect(names(described)).toEqual([
        'linux_vmm',
        'heartbeat',
        'serial_driver',
        'serial_virt_tx',
        'serial_virt_rx',
        'timer_driver',
      ]);
      expect(symbolsOf(described, 'linux_vmm').toSorted()).toEqual([
        'heartbeat_listener_config',
        'serial_config',
        'timer_config',
        'vmm_config',
        'vsock_config',
      ]);
      expect(valueOf(described, 'linux_vmm', 'vsock_config')).toMatch(/'k' },\s+\.cid = 3,(?!.*num_peers)/);
      expect(described.programs.get('heartbeat')).toEqual({ vmbuild: 'heartbeat' });
      expect(described.programs.get('linux_vmm')).toMatchObject({
        vmbuild: 'linux_vmm',
        guest: { name: 'linux', cid: 3, hasVsock: true },
      });
      const [vmm] = described.system.protectionDomains;
      expect(vmm).toMatchObject({ priority: 100, programImage: 'linux_vmm.elf' });
      expect(vmm?.virtualMachine).toMatchObject({ name: 'linux', vcpus: [{ id: 0 }] });
    },
  );

  test('what is said of the guest comes through, and what is not is as the board has it', async () => {
    const board = await loadBoard('qemu_virt_aarch64');
    const ram = { ...board.guest.ram, size: 0x1000_0000n };
    const described = await own(
      wired(({ addLinux }) => [
        addLinux({
          name: 'linux',
          priority: 7,
          linux: 'Image',
          initrd: 'rootfs.cpio.gz',
          append: 'quiet',
          layout: { ram: ram as never },
        }),
      ]),
    );
    expect(said(described)).toEqual([]);
    expect(guestOf(described, 'linux_vmm')).toMatchObject({
      linux: 'Image',
      initrd: 'rootfs.cpio.gz',
      append: 'quiet',
      layout: { ram, gic: board.guest.gic, kernel: board.guest.kernel },
    });
    expect(described.system.memoryRegions[0]).toMatchObject({ name: 'guest_ram_linux', size: 0x1000_0000n });
  });

  test('a native protection domain can see the memory of the guest', async () => {
    const described = await own(
      wired(({ sdf, addLinux }) => {
        const guest = addLinux({ name: 'linux' });
        sdf.addPd({ name: 'inspector', priority: 1 }).map(guest.ram, { perms: 'r' });
        return [guest];
      }),
    );
    expect(said(described)).toEqual([]);
    const inspector = described.system.protectionDomains.find(({ name }) => name === 'inspector');
    expect(inspector?.maps[0]?.mr).toBe(described.system.memoryRegions[0]);
  });

  test('a VMM of the user is wired with nothing that it did not ask for', async () => {
    const described = await own(({ addLinux }) => {
      addLinux({ name: 'linux', program: { sources: ['vmm.c'] } });
    });
    expect(said(described)).toEqual([]);
    expect(names(described)).toEqual(['linux_vmm']);
    expect(symbolsOf(described, 'linux_vmm')).toEqual(['vmm_config']);
    expect(described.programs.get('linux_vmm')).toMatchObject({
      sources: ['vmm.c'],
      libraries: ['libvmm', 'sddf'],
      guest: { name: 'linux', hasVsock: false },
    });
  });
});

describe('addVsock', () => {
  test('connects the guests that it names, and no others', async () => {
    const described = await own(
      wired(({ addLinux, addVsock }) => {
        const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => addLinux({ name }));
        addVsock({ guests: [a!, b!], transfers: [{ from: b!, to: a! }] });
        addVsock({ guests: [b!, c!] });
        return [a!, b!, c!, d!];
      }),
    );
    expect(said(described)).toEqual([]);
    const peers = ['a', 'b', 'c', 'd'].map((name) =>
      [...valueOf(described, `${name}_vmm`, 'vsock_config').matchAll(/\.cid = (\d+)/g)].map(([, cid]) =>
        Number(cid),
      ),
    );
    expect(peers).toEqual([[3, 4], [4, 3, 5], [5, 4], [6]]);
    expect(guestOf(described, 'a_vmm')).toMatchObject({ recvFrom: 4 });
    expect(guestOf(described, 'b_vmm')).toMatchObject({ sendTo: 3 });
    expect(guestOf(described, 'c_vmm')).not.toHaveProperty('recvFrom');
  });

  test('rings have the size that is asked for', async () => {
    const described = await own(
      wired(({ addLinux, addVsock }) => {
        const guests = [addLinux({ name: 'a' }), addLinux({ name: 'b' })];
        addVsock({ guests, ringBytes: 0x2000n });
        return guests;
      }),
    );
    const rings = described.system.memoryRegions.filter(({ name }) => name.startsWith('vsock/'));
    expect(rings.map(({ size }) => size)).toEqual([0x2000n, 0x2000n]);
  });

  test('gives a VMM of the user its config', async () => {
    const described = await own(
      wired(({ addLinux, addVsock }) => {
        const guests = [
          addLinux({ name: 'a', program: { sources: ['vmm.c'], libraries: ['libvmm'] } }),
          addLinux({ name: 'b' }),
        ];
        addVsock({ guests });
        return guests;
      }),
    );
    expect(said(described)).toEqual([]);
    expect(symbolsOf(described, 'a_vmm')).toContain('vsock_config');
    expect(symbolsOf(described, 'a_vmm')).not.toContain('heartbeat_listener_config');
    expect(guestOf(described, 'a_vmm')).toMatchObject({ hasVsock: true });
    expect(described.programs.get('a_vmm')).toMatchObject({ libraries: ['libvmm'] });
  });
});

describe('what is wrong is said at the line', () => {
  type Guests = ReturnType<SystemContext['addLinux']>[];
  const cases: Readonly<Record<string, readonly [string, (context: SystemContext) => Guests]>> = {
    'two guests of one CID': [
      "VSK102 'a_vmm' and 'b_vmm' both have CID 5",
      ({ addLinux }) => [addLinux({ name: 'a', cid: 5 }), addLinux({ name: 'b', cid: 5 })],
    ],
    'a reserved CID': [
      "VSK101 CID 2 of 'a_vmm' is not in 3..4294967294: 0, 1, 2 and 4294967295 are reserved",
      ({ addLinux }) => [addLinux({ name: 'a', cid: 2 })],
    ],
    'a guest twice in one addVsock': [
      "VSK103 'a_vmm' is a member of the vsock connection twice",
      ({ addLinux, addVsock }) => {
        const a = addLinux({ name: 'a' });
        addVsock({ guests: [a, a] });
        return [a];
      },
    ],
    'a pair in two': [
      "VSK103 'a_vmm' is connected with CID 4 by vsock twice",
      ({ addLinux, addVsock }) => {
        const guests = [addLinux({ name: 'a' }), addLinux({ name: 'b' })];
        addVsock({ guests });
        addVsock({ guests });
        return guests;
      },
    ],
    'too many guests in one': [
      'VSK104 17 VMMs are to be connected by vsock; each can have 15 peers',
      ({ addLinux, addVsock }) => {
        const guests = Array.from({ length: 17 }, (_, i) => addLinux({ name: `g${i}` }));
        addVsock({ guests });
        return guests;
      },
    ],
    'too many in several': [
      "VSK104 'a_vmm' is to be connected by vsock with 16 VMMs; each can have 15 peers",
      ({ addLinux, addVsock }) => {
        const a = addLinux({ name: 'a' });
        const others = Array.from({ length: 16 }, (_, i) => addLinux({ name: `g${i}` }));
        for (const other of others) addVsock({ guests: [a, other] });
        return [a, ...others];
      },
    ],
    'more guests than a system has protection domains': [
      'SDF',
      ({ addLinux }) => Array.from({ length: 63 }, (_, i) => addLinux({ name: `g${i}` })),
    ],
    'a ring of an odd size': [
      'VSK105',
      ({ addLinux, addVsock }) => {
        const guests = [addLinux({ name: 'a' }), addLinux({ name: 'b' })];
        addVsock({ guests, ringBytes: 0x1234n });
        return guests;
      },
    ],
    'a transfer to oneself': [
      "VSK106 a transfer from 'a' to 'a' cannot be: they are one guest",
      ({ addLinux, addVsock }) => {
        const guests = [addLinux({ name: 'a' }), addLinux({ name: 'b' })];
        addVsock({ guests, transfers: [{ from: guests[0]!, to: guests[0]! }] });
        return guests;
      },
    ],
    'a transfer to a stranger': [
      "VSK106 a transfer from 'a' to 'c' cannot be: 'c' is not among the guests of this addVsock",
      ({ addLinux, addVsock }) => {
        const guests = ['a', 'b', 'c'].map((name) => addLinux({ name }));
        addVsock({ guests: guests.slice(0, 2), transfers: [{ from: guests[0]!, to: guests[2]! }] });
        return guests;
      },
    ],
    'two transfers from one guest': [
      "VSK106 a transfer from 'a' to 'c' cannot be: 'a' sends to CID 4 already",
      ({ addLinux, addVsock }) => {
        const guests = ['a', 'b', 'c'].map((name) => addLinux({ name }));
        const [from, b, c] = guests as [Guests[0], Guests[0], Guests[0]];
        addVsock({
          guests,
          transfers: [
            { from, to: b },
            { from, to: c },
          ],
        });
        return guests;
      },
    ],
    'two transfers to one guest': [
      "VSK106 a transfer from 'c' to 'a' cannot be: 'a' receives from CID 4 already",
      ({ addLinux, addVsock }) => {
        const guests = ['a', 'b', 'c'].map((name) => addLinux({ name }));
        const [to, b, c] = guests as [Guests[0], Guests[0], Guests[0]];
        addVsock({
          guests,
          transfers: [
            { from: b, to },
            { from: c, to },
          ],
        });
        return guests;
      },
    ],
    'a layout that cannot be': [
      'GST101',
      ({ addLinux }) => [addLinux({ name: 'a', layout: { ram: { base: 0x4010_0000n, size: 1n } as never } })],
    ],
  };

  test.each(Object.entries(cases))('%s', async (_, [message, define]) => {
    const { findings } = await own(wired(define));
    const found = findings.find(({ code, message: text }) => `${code} ${text}`.startsWith(message));
    expect(found, findings.map(({ code, message: text }) => `${code} ${text}`).join('\n')).toBeDefined();
    expect(found?.place?.file).toBe(import.meta.filename);
  });

  test.each([
    [
      'no serial port',
      "VMM105 guest 'a' has no console: its VMM 'a_vmm' has no serial port",
      ({ addTimer, addLinux }: SystemContext) => addTimer({ clients: [addLinux({ name: 'a' }).vmm] }),
    ],
    [
      'a serial port that only sends',
      "VMM105 guest 'a' has no console: its VMM 'a_vmm' cannot receive on its serial port",
      ({ addTimer, addSerial, addLinux }: SystemContext) => {
        const clients = [addLinux({ name: 'a' }).vmm];
        addSerial({ clients });
        return addTimer({ clients });
      },
    ],
    [
      'no timer',
      "VMM106 guest 'a' could never wake up: its VMM 'a_vmm' has no timer",
      ({ addSerial, addLinux }: SystemContext) =>
        addSerial({ clients: [addLinux({ name: 'a' }).vmm], receive: true }),
    ],
  ])('a guest with %s', async (_, message, define) => {
    const described = await own((context) => void define(context));
    expect(said(described)).toEqual([message]);
    expect(described.findings[0]?.place?.file).toBe(import.meta.filename);
    expect(described.findings[0]?.hint).toMatch(/^name its vmm as a client: add(Serial|Timer)/);
  });
});
