// SPDX-License-Identifier: BSD-2-Clause
// defineSystem: what a description adds comes out described, judged, with its configs, programs and headers.

import { beforeEach, describe, expect, test } from 'vitest';
import { loadBoard } from '../../boards/index.ts';
import {
  type DefinedSystem,
  defineSystem,
  describeOwnSystem,
  isDefinedSystem,
  type OwnSystem,
  type SystemContext,
} from '../../meta/define-system.ts';
import { type SystemDescription, struct, fields } from '../../meta/index.ts';
import { systemHeaders } from '../../meta/config/system-header.ts';
import { requireOrSkip } from '../require.ts';
import { compileBoardTree } from './vsock-fixture.ts';
import { dtc } from './upstream.ts';

beforeEach((ctx) => {
  requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
});

const own = async (define: (context: SystemContext) => void): Promise<OwnSystem> =>
  describeOwnSystem(defineSystem(define), {
    board: await loadBoard('qemu_virt_aarch64'),
    tree: compileBoardTree('qemu_virt_aarch64'),
  });

const codes = ({ findings }: OwnSystem): readonly string[] => findings.map(({ code }) => code);

const header = (system: SystemDescription, pd: string): readonly string[] =>
  systemHeaders(system, [])
    .headers.find(({ name }) => name === `${pd}.system.h`)
    ?.text.split('\n')
    .filter((line) => line.startsWith('#define'))
    .map((line) => line.replace('#define ', '')) ?? [];

describe('defineSystem', () => {
  test('is recognised by a symbol that all copies of the library share', () => {
    const defined: DefinedSystem = defineSystem(() => undefined);
    expect(isDefinedSystem(defined)).toBe(true);
    const foreign = { [Symbol.for('vmbuild.defineSystem')]: () => undefined };
    expect(isDefinedSystem(foreign)).toBe(true);
    for (const other of [undefined, null, {}, [], 'x', () => undefined])
      expect(isDefinedSystem(other)).toBe(false);
  });

  test('keeps configs, programs and serial clients of what is added', async () => {
    const described = await own(({ sdf, addTimer, addSerial }) => {
      const a = sdf.addPd({ name: 'a', priority: 1, program: { sources: ['a.c'] } });
      const b = sdf.addPd({ name: 'b', priority: 2 });
      const c = b.addChild({ name: 'c', priority: 1, program: { sources: ['c.c'] } });
      addTimer({ clients: [a] });
      addSerial({ clients: [a, c] });
    });
    expect(codes(described)).toEqual([]);
    expect([...described.programs.keys()]).toEqual([
      'a',
      'c',
      'timer_driver',
      'serial_driver',
      'serial_virt_tx',
    ]);
    expect(described.serialClients).toEqual(['a', 'c']);
    expect(described.configs.filter(({ pd }) => pd === 'a').map(({ symbol }) => symbol)).toEqual([
      'timer_config',
      'serial_config',
    ]);
    expect(described.system.protectionDomains[0]).toMatchObject({ programImage: 'a.elf' });
    expect(described.system.protectionDomains[0]).not.toHaveProperty('program');
  });

  test.each([
    ['a number', { n: 300 }, "field 'n': 300 does not fit an unsigned field of 1 bytes"],
    ['no whole number', { n: 1.5 }, "field 'n': 1.5 does not fit"],
    ['nothing', {}, "field 'n': undefined does not fit"],
  ])('a value that does not fit is a finding, not an exception: %s', async (_, value, message) => {
    const described = await own(({ sdf, addConfig }) => {
      const type = struct({ cName: 'struct s', fields: { n: fields.u8 } });
      addConfig(sdf.addPd({ name: 'a', priority: 1 }), type, value as never);
    });
    expect(codes(described)).toEqual(['CFG101']);
    expect(described.findings[0]?.message).toContain(message);
  });

  test('two configs of one symbol, and one for nobody', async () => {
    const type = struct({ cName: 'struct s', fields: { n: fields.u8 } });
    const twice = await own(({ sdf, addConfig }) => {
      const a = sdf.addPd({ name: 'a', priority: 1 });
      addConfig(a, type, { n: 1 });
      addConfig(a, type, { n: 2 });
      addConfig(a, type, { n: 3 }, 'other');
    });
    expect(codes(twice)).toEqual(['CFG103']);
    const lost = await own(({ addConfig }) => addConfig({ name: 'nobody' } as never, type, { n: 1 }));
    expect(codes(lost)).toContain('CFG102');
  });
});

describe('generated headers', () => {
  test('name every number after the other end', async () => {
    const { system } = await own(({ sdf }) => {
      const a = sdf.addPd({ name: 'a', priority: 1 });
      const b = sdf.addPd({ name: 'the-server 2', priority: 2 });
      sdf.addChannel({ a: { pd: a, id: 7 }, b: { pd: b } });
      a.addIrq({ irq: 33 });
      a.addChild({ name: 'kid', priority: 1 }, 4);
      const device = sdf.addMr({ name: 'uart@9/regs', size: 0x1000n, paddr: 0x900_0000n });
      a.map(device, { perms: 'rw', vaddr: 0x3000_0000n });
      const ram = sdf.addMr({ name: 'ram', size: 0x20_0000n });
      const vm = a.setVirtualMachine({ name: 'linux', vcpus: [{ id: 0 }, { id: 1 }] });
      vm.map(ram, { perms: 'rwx', vaddr: 0x4000_0000n });
    });
    expect(header(system, 'a')).toEqual([
      'CHANNEL_THE_SERVER_2 7',
      'IRQ_33 0',
      'CHILD_KID 4',
      'VCPU_LINUX_0 0',
      'VCPU_LINUX_1 1',
      'REGION_UART_9_REGS_VADDR 0x30000000ull',
      'REGION_UART_9_REGS_SIZE 0x1000ull',
      'REGION_UART_9_REGS_PADDR 0x9000000ull',
      'GUEST_LINUX_RAM_GPA 0x40000000ull',
      'GUEST_LINUX_RAM_SIZE 0x200000ull',
    ]);
    expect(header(system, 'the-server 2')).toEqual(['CHANNEL_A 0']);
  });

  test('several channels to one end are numbered, all of them', async () => {
    const { system, findings } = await own(({ sdf }) => {
      const a = sdf.addPd({ name: 'a', priority: 1 });
      const b = sdf.addPd({ name: 'b', priority: 2 });
      sdf.addChannel({ a: { pd: a }, b: { pd: b } });
      sdf.addChannel({ a: { pd: b }, b: { pd: a } });
    });
    expect(findings).toEqual([]);
    expect(header(system, 'a')).toEqual(['CHANNEL_B_0 0', 'CHANNEL_B_1 1']);
    expect(header(system, 'b')).toEqual(['CHANNEL_A_0 0', 'CHANNEL_A_1 1']);
  });

  test('what x86 has', () => {
    const pd = {
      name: 'p',
      programImage: 'p.elf',
      maps: [],
      children: [],
      setvars: [],
      irqs: [
        { id: 0, pin: 4, vector: 1, ioapic: 1 },
        { id: 1, pcidev: '0:1.0', handle: 0, vector: 2 },
      ],
      ioPorts: [{ id: 3, addr: 0x3f8, size: 8 }],
    };
    const system = { arch: 'x86_64', memoryRegions: [], protectionDomains: [pd], channels: [] } as const;
    expect(header(system, 'p')).toEqual([
      'IRQ_IOAPIC1_PIN4 0',
      'IRQ_MSI_VECTOR2 1',
      'IOPORT_3F8 3',
      'IOPORT_3F8_ADDR 0x3f8',
      'IOPORT_3F8_SIZE 8',
    ]);
  });

  test('two things that would get one name are an error that names both', async () => {
    const described = await own(({ sdf }) => {
      const c = sdf.addPd({ name: 'c', priority: 3 });
      for (const name of ['a-b', 'a_b']) {
        const pd = sdf.addPd({ name, priority: 1 });
        sdf.addChannel({ a: { pd }, b: { pd: c } });
      }
    });
    expect(described.findings.map(({ code, message }) => [code, message])).toEqual([
      [
        'HDR101',
        "the channel to 'a-b' and the channel to 'a_b' of 'c' would both be CHANNEL_A_B in 'c.system.h'",
      ],
    ]);
  });

  test('so are two files, where capitals do not count', async () => {
    const described = await own(({ sdf }) => {
      sdf.addPd({ name: 'a', priority: 1 });
      sdf.addPd({ name: 'A', priority: 1 });
    });
    expect(codes(described)).toEqual(['HDR102']);
  });
});
