// SPDX-License-Identifier: BSD-2-Clause
// Each mark of a graph with the smallest system that has it, and with the one next to it that has not.

import { describe, expect, test } from 'vitest';
import type { Mark, MarkKind } from '../../../meta/graph/marks.ts';
import { graphOf } from '../../../meta/graph/system-graph.ts';
import { paddr, type SystemBuilder } from '../../../meta/index.ts';
import { builder, pd } from './systems.ts';

const marksOf = (sdf: SystemBuilder): readonly Mark[] => graphOf(sdf.describe(), 'test').marks;

const kindsOf = (sdf: SystemBuilder): MarkKind[] => marksOf(sdf).map(({ kind }) => kind);

/** The one mark of the system. */
function only(sdf: SystemBuilder): Mark {
  const [mark, ...others] = marksOf(sdf);
  expect(others).toEqual([]);
  if (mark === undefined) throw new Error('no mark');
  return mark;
}

describe('protected calls', () => {
  const call = (caller: number, callee: number, cpu = 0): SystemBuilder => {
    const sdf = builder();
    const a = pd(sdf, 'a', caller);
    const b = pd(sdf, 'b', callee, { cpu });
    sdf.addChannel({ a: { pd: a, pp: true }, b: { pd: b } });
    return sdf;
  };

  test('go to a higher priority, or are marked with their channel', () => {
    expect(kindsOf(call(1, 2))).toEqual([]);
    expect(only(call(2, 2))).toEqual({
      kind: 'ppc-not-upwards',
      message: "'a' (2) makes protected calls to 'b' (2), which has no higher priority",
      nodes: ['pd_a', 'pd_b'],
      regions: [],
      channels: ['ch_0'],
    });
    expect(kindsOf(call(2, 1))).toEqual(['ppc-not-upwards']);
  });

  test('are marked on another CPU too: Microkit refuses them there as well', () => {
    expect(kindsOf(call(2, 1, 1))).toEqual(['ppc-not-upwards']);
  });

  /** `high` calls `server`, which `helper` notifies. */
  const helped = (
    helper: number,
    more: { calls?: boolean; cpu?: number; irq?: boolean } = {},
  ): SystemBuilder => {
    const sdf = builder();
    const high = pd(sdf, 'high', 50);
    const server = pd(sdf, 'server', 60);
    const help = pd(sdf, 'helper', helper, { cpu: more.cpu ?? 0 });
    if (more.irq === true) server.addIrq({ irq: 33 });
    sdf.addChannel({ a: { pd: high, pp: true }, b: { pd: server } });
    sdf.addChannel({ a: { pd: help, pp: more.calls ?? false }, b: { pd: server } });
    return sdf;
  };

  test('do not wait for what is below the caller', () => {
    expect(only(helped(49))).toMatchObject({
      kind: 'call-waits-below',
      message: "'high' (50) calls 'server' (60), which is notified by 'helper' (49), below the caller",
      nodes: ['pd_high', 'pd_server', 'pd_helper'],
      channels: ['ch_0', 'ch_1'],
    });
    expect(kindsOf(helped(50))).toEqual([]);
  });

  test('may wait for who calls as well, for a client behind the server, and for another CPU', () => {
    expect(kindsOf(helped(49, { calls: true }))).toEqual([]);
    expect(kindsOf(helped(49, { irq: true }))).toEqual([]);
    expect(kindsOf(helped(49, { cpu: 1 }))).toEqual([]);
  });
});

describe('families', () => {
  const family = (child: number, cpu = 0): SystemBuilder => {
    const sdf = builder();
    pd(sdf, 'parent', 10).addChild({ name: 'child', programImage: 'child.elf', priority: child, cpu });
    return sdf;
  };

  test('a child is not above its parent', () => {
    expect(kindsOf(family(10))).toEqual([]);
    expect(only(family(11))).toMatchObject({
      kind: 'child-above-parent',
      message: "'child' (11) has a higher priority than its parent 'parent' (10), which handles its faults",
    });
    expect(kindsOf(family(11, 1))).toEqual([]);
  });

  const machine = (priority: number | undefined, cpu?: number, own = 10): SystemBuilder => {
    const sdf = builder();
    pd(sdf, 'vmm', own).setVirtualMachine({
      name: 'vm',
      vcpus: [{ id: 0, ...(cpu === undefined ? {} : { cpu }) }],
      ...(priority === undefined ? {} : { priority }),
    });
    return sdf;
  };

  test('a virtual machine is below who runs it', () => {
    expect(kindsOf(machine(undefined))).toEqual([]);
    expect(kindsOf(machine(0, undefined, 0))).toEqual([]);
    expect(kindsOf(machine(9))).toEqual([]);
    expect(only(machine(10))).toMatchObject({
      kind: 'vm-not-below-pd',
      message: "the virtual machine 'vm' (10) can keep 'vmm' (10), which runs it, from running",
      nodes: ['vm_vm', 'pd_vmm'],
    });
    expect(kindsOf(machine(10, 1))).toEqual([]);
  });
});

describe('chains from a device', () => {
  const chain = (driver: number, virt: number, client: number): SystemBuilder => {
    const sdf = builder();
    const [a, b, c] = [pd(sdf, 'driver', driver), pd(sdf, 'virt', virt), pd(sdf, 'client', client)];
    a.addIrq({ irq: 33 });
    sdf.addChannel({ a: { pd: a }, b: { pd: b } });
    sdf.addChannel({ a: { pd: b }, b: { pd: c } });
    return sdf;
  };

  test('go down or up, but not down and up', () => {
    expect(kindsOf(chain(30, 20, 10))).toEqual([]);
    expect(only(chain(30, 10, 20))).toMatchObject({
      kind: 'relay-below-both',
      message: "'virt' (10) stands between 'driver' (30) and 'client' (20), below both",
      nodes: ['pd_virt', 'pd_driver', 'pd_client'],
      channels: ['ch_0', 'ch_1'],
    });
    expect(kindsOf(chain(30, 20, 20))).toEqual([]);
  });

  test('begin with a driver that is not below its client', () => {
    expect(only(chain(10, 20, 20))).toMatchObject({
      kind: 'driver-below-client',
      message: "'driver' (10) has a device and a lower priority than its client 'virt' (20)",
      channels: ['ch_0'],
    });
  });

  test('a driver below a client that has another way to a device is none of its client’s making', () => {
    const reached = (ways: number): SystemBuilder => {
      const sdf = builder();
      const client = pd(sdf, 'client', 20);
      for (let way = 0; way < ways; way += 1) {
        const driver = pd(sdf, `driver${way}`, 10 + way);
        driver.addIrq({ irq: 40 + way });
        sdf.addChannel({ a: { pd: driver }, b: { pd: client } });
      }
      return sdf;
    };
    expect(kindsOf(reached(1))).toEqual(['driver-below-client']);
    expect(kindsOf(reached(2))).toEqual([]);
  });

  test('a client of two devices is no relay, and a monitor with a device no driver', () => {
    const sdf = builder();
    const client = pd(sdf, 'client', 10);
    for (const [index, name] of ['serial', 'net'].entries()) {
      const driver = pd(sdf, name, 20);
      driver.addIrq({ irq: 40 + index });
      sdf.addChannel({ a: { pd: driver }, b: { pd: client } });
    }
    expect(kindsOf(sdf)).toEqual([]);
    const other = builder();
    const vmm = pd(other, 'vmm', 10);
    vmm.setVirtualMachine({ name: 'vm', vcpus: [{ id: 0 }] });
    vmm.addIrq({ irq: 40 });
    other.addChannel({ a: { pd: vmm }, b: { pd: pd(other, 'virt', 20) } });
    expect(kindsOf(other)).toEqual([]);
  });
});

describe('memory', () => {
  const shared = (perms: readonly ('r' | 'rw' | 'rx' | 'rwx')[], priorities = [1, 1]): SystemBuilder => {
    const sdf = builder();
    const mr = sdf.addMr({ name: 'mr', size: 0x1000n });
    for (const [index, each] of perms.entries())
      pd(sdf, `pd${index}`, priorities[index] ?? 1).map(mr, { perms: each });
    return sdf;
  };

  test('that one protection domain writes is not marked, that two write is', () => {
    expect(kindsOf(shared(['rw', 'r']))).toEqual([]);
    expect(only(shared(['rw', 'rw']))).toEqual({
      kind: 'shared-writable',
      message: "'mr' can be written by 'pd0', 'pd1'",
      nodes: ['pd_pd0', 'pd_pd1'],
      regions: ['mr_mr'],
      channels: [],
    });
  });

  test('that two write who have no channel and different priorities is an inversion', () => {
    expect(marksOf(shared(['rw', 'rw'], [1, 2]))[0]).toMatchObject({
      kind: 'shared-without-channel',
      message: "'pd0' (1) and 'pd1' (2) both write 'mr' and have no channel to one another",
      regions: ['mr_mr'],
    });
  });

  test('in two scheduling domains they never keep one another from running', () => {
    const sdf = builder();
    const mr = sdf.addMr({ name: 'mr', size: 0x1000n });
    pd(sdf, 'a', 1, { domain: 'one' }).map(mr, { perms: 'rw' });
    pd(sdf, 'b', 2, { domain: 'two' }).map(mr, { perms: 'rw' });
    expect(kindsOf(sdf)).toEqual(['shared-writable']);
  });

  test('a channel, or being parent and child, makes it none', () => {
    const sdf = builder();
    const mr = sdf.addMr({ name: 'mr', size: 0x1000n });
    const [low, high] = [pd(sdf, 'low', 1), pd(sdf, 'high', 2)];
    const child = high.addChild({ name: 'child', programImage: 'c.elf', priority: 1 });
    for (const each of [low, high]) each.map(mr, { perms: 'rw' });
    const other = sdf.addMr({ name: 'other', size: 0x1000n });
    for (const each of [child, high]) each.map(other, { perms: 'rw' });
    sdf.addChannel({ a: { pd: low }, b: { pd: high } });
    expect(kindsOf(sdf)).toEqual(['shared-writable', 'shared-writable']);
  });

  test('of a guest is its own and its monitor’s; what two monitors’ guests write is marked', () => {
    const sdf = builder();
    const ram = sdf.addMr({ name: 'ram', size: 0x1000n });
    const both = sdf.addMr({ name: 'both', size: 0x1000n });
    for (const name of ['a', 'b']) {
      const vmm = pd(sdf, name, 1);
      const vm = vmm.setVirtualMachine({ name: `vm ${name}`, vcpus: [{ id: 0 }] });
      vm.map(both, { perms: 'rw', vaddr: 0x1000n });
      if (name === 'b') continue;
      vmm.map(ram, { perms: 'rw' });
      vm.map(ram, { perms: 'rwx', vaddr: 0n });
    }
    expect(only(sdf)).toMatchObject({
      kind: 'shared-writable',
      regions: ['mr_both'],
      nodes: ['pd_a', 'pd_b'],
    });
  });

  test('that is code is not written, neither here nor elsewhere', () => {
    expect(only(shared(['rwx']))).toMatchObject({
      kind: 'writable-code',
      message: "'mr' can be executed by 'pd0' and written by 'pd0'",
    });
    expect(only(shared(['rx', 'rw']))).toMatchObject({
      kind: 'writable-code',
      message: "'mr' can be executed by 'pd0' and written by 'pd1'",
    });
    expect(kindsOf(shared(['rx', 'r']))).toEqual([]);
  });

  test('of a device is one protection domain’s', () => {
    const sdf = builder();
    const mr = sdf.addMr({ name: 'uart', size: 0x1000n, paddr: paddr(0x900_0000) });
    pd(sdf, 'a', 1).map(mr, { perms: 'rw', cached: false });
    expect(kindsOf(sdf)).toEqual([]);
    pd(sdf, 'b', 1).map(mr, { perms: 'r', cached: false });
    expect(only(sdf)).toMatchObject({
      kind: 'shared-device',
      message: "the registers 'uart' are mapped by 'a', 'b'",
    });
    pd(sdf, 'c', 2).map(mr, { perms: 'rw', cached: false });
    expect(kindsOf(sdf)).toEqual(['shared-device', 'shared-writable']);
  });
});
