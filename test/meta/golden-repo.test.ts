// SPDX-License-Identifier: BSD-2-Clause
// The golden files of sdfgen's own test suite.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  connectVmm,
  guestMachineFromTree,
  paddr,
  type PdBuilder,
  type Perms,
  renderSdf,
  SystemBuilder,
} from '../../meta/index.ts';
import { readTree, requireConformance, sdfgenRoot } from './conformance.ts';

const cases: Record<string, (sdf: SystemBuilder) => void> = {
  basic(sdf) {
    sdf.addPd({ name: 'hello', programImage: 'hello.elf' });
  },

  pd_mr_map_channel(sdf) {
    const mr = sdf.addMr({ name: 'test', size: 0x1000n, pageSize: 0x1000n });
    const { a, b } = helloPair(sdf);
    a.addIrq({ irq: 33 });
    const perms: Perms[] = ['r', 'x', 'rw', 'rx', 'wx', 'rwx'];
    for (const [i, p] of perms.entries()) a.map(mr, { vaddr: BigInt(4 + i) << 32n, perms: p });
    sdf.addChannel({ a: { pd: a }, b: { pd: b } });
  },

  pd_fixed_channel(sdf) {
    const { a, b } = helloPair(sdf);
    a.addIrq({ irq: 33, trigger: 'level', id: 0 });
    sdf.addChannel({ a: { pd: a, id: 3 }, b: { pd: b, id: 5 } });
    sdf.addChannel({ a: { pd: a }, b: { pd: b } });
  },

  channels(sdf) {
    const hello = (i: number, priority: number): PdBuilder =>
      sdf.addPd({ name: `hello-${i}`, programImage: 'hello.elf', priority });
    const [a, b, c] = [hello(1, 3), hello(2, 2), hello(3, 1)];
    const ends: [object, object][] = [
      [{}, {}],
      [{ notify: false }, {}],
      [{}, { notify: false }],
      [{ pp: true }, {}],
      [{}, { pp: true }],
      [{ notify: false, pp: true }, {}],
    ];
    for (const [endA, endB] of ends) sdf.addChannel({ a: { pd: a, ...endA }, b: { pd: b, ...endB } });
    sdf.addChannel({ a: { pd: c, notify: false }, b: { pd: a, notify: false, pp: true } });
  },

  basic_vm: (sdf) => addVms(sdf, [['vmm', 'vm']]),

  two_vms: (sdf) =>
    addVms(sdf, [
      ['vmm1', 'vm1'],
      ['vmm2', 'vm2'],
    ]),
};

for (const [name, describeCase] of Object.entries(cases))
  test(name, (ctx) => {
    requireConformance(ctx);
    const sdf = new SystemBuilder({ arch: 'aarch64', paddrTop: paddr(0x1_0000_0000n) });
    describeCase(sdf);
    expect(sdf.findings).toEqual([]);
    expect(renderSdf(sdf.describe())).toBe(
      readFileSync(join(sdfgenRoot, 'repo_tests', `${name}.system`), 'utf8'),
    );
  });

test.todo('c_example: needs the i2c subsystem, which meta/sddf does not have yet');

const helloPair = (sdf: SystemBuilder): { a: PdBuilder; b: PdBuilder } => ({
  a: sdf.addPd({ name: 'hello-1', programImage: 'hello.elf' }),
  b: sdf.addPd({ name: 'hello-2', programImage: 'hello.elf' }),
});

function addVms(sdf: SystemBuilder, names: readonly (readonly [pd: string, vm: string])[]): void {
  const guest = guestMachineFromTree(readTree('repo_tests/qemu_virt_aarch64.sdfgen.dtb'));
  const pds = names.map(([pd]) => sdf.addPd({ name: pd, programImage: 'vmm.elf' }));
  for (const [i, pd] of pds.entries())
    connectVmm(sdf, { pd, vm: { name: names[i]?.[1] ?? '', vcpus: [{ id: 0 }] }, guest });
}
