// SPDX-License-Identifier: BSD-2-Clause
// What an import writes: the text of a small system, everything that Microkit 2.3 has, and names that would be code.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderSource } from '../../../meta/import/render-source.ts';
import type { SystemDescription } from '../../../meta/index.ts';
import { parseSdf } from '../../../meta/sdf/parse.ts';
import { hostileNames, systemWithNames } from '../graph/systems.ts';
import { compileSources, foreignNodes, runSource, withoutPlaces } from './imported.ts';

function read(text: string, arch: SystemDescription['arch'] = 'aarch64'): SystemDescription {
  const { system, findings } = parseSdf(text, 'test.system', { arch, findPrefill: () => 5 });
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  if (system === undefined) throw new Error('no system');
  return system;
}

test('a small system reads as if a person had written it', () => {
  const system = read(`<system>
    <memory_region name="uart" size="0x1000" phys_addr="0x9000000"/>
    <memory_region name="queue/client" size="0x1000"/>
    <protection_domain name="SERIAL_DRIVER" priority="200">
      <program_image path="driver.elf"/>
      <map mr="uart" vaddr="0x20000000" perms="rw" cached="false" setvar_vaddr="uart_base"/>
      <map mr="queue/client" vaddr="0x20001000" perms="rw"/>
      <irq irq="33" id="0" trigger="edge"/>
    </protection_domain>
    <protection_domain name="client" priority="1">
      <program_image path="client.elf"/>
      <map mr="queue/client" vaddr="0x20000000" perms="r"/>
    </protection_domain>
    <channel><end pd="SERIAL_DRIVER" id="1"/><end pd="client" id="0" pp="true"/></channel>
  </system>`);
  expect(
    renderSource(system, 'small.system'),
  ).toBe(`// The system of 'small.system', for aarch64; made by \`vmbuild import\`.
import { defineSystem } from 'vmbuild/meta';

export default defineSystem(({ sdf }) => {
  const uart = sdf.addMr({ name: 'uart', size: 0x1000n, paddr: 0x9000000n });
  const queueClient = sdf.addMr({ name: 'queue/client', size: 0x1000n });

  const serialDriver = sdf.addPd({ name: 'SERIAL_DRIVER', programImage: 'driver.elf', priority: 200 });
  serialDriver.map(uart, { vaddr: 0x20000000n, perms: 'rw', cached: false, setvarVaddr: 'uart_base' });
  serialDriver.map(queueClient, { vaddr: 0x20001000n, perms: 'rw' });
  serialDriver.addIrq({ irq: 33, id: 0, trigger: 'edge' });

  const client = sdf.addPd({ name: 'client', programImage: 'client.elf', priority: 1 });
  client.map(queueClient, { vaddr: 0x20000000n, perms: 'r' });

  sdf.addChannel({ a: { pd: serialDriver, id: 1 }, b: { pd: client, id: 0, pp: true } });
});
`);
});

const everything = `<system>
    <domains>
      <domain name="a" id="3"/><domain name="b"/>
      <domain_schedule start_index="1" index_shift="2">
        <schedule_entry domain="a" duration="10 us"/><schedule_end_marker/>
        <schedule_entry domain="b" duration="5 ticks"/>
      </domain_schedule>
    </domains>
    <memory_region name="file" prefill_path="some.bin"/>
    <memory_region name="sized" size="0x2000" prefill_path="some.bin"/>
    <memory_region name="fdt" prefill_bootinfo="fdt"/>
    <memory_region name="large" size="0x200000" page_size="0x200000" phys_addr="0x40000000"/>
    <memory_region name="alone" size="0x1000"/>
    <protection_domain name="parent" priority="10" budget="100" period="200" passive="false" stack_size="0x4000"
        smc="true" cpu="0" fpu="false" domain="a">
      <program_image path="p.elf" path_for_symbols="s.elf"/>
      <map mr="file" vaddr="0x1000000" perms="r" setvar_size="s" setvar_prefill_size="p"/>
      <map mr="large" vaddr="0x2000000" perms="rwx" cached="true"/>
      <setvar symbol="address" region_paddr="large"/>
      <ioport id="3" addr="0x3f8" size="8" setvar_id="i" setvar_addr="q"/>
      <irq pin="4" vector="5" id="1" ioapic="1" trigger="edge" polarity="low" setvar_id="v"/>
      <irq pcidev="0:1f.2" handle="2" vector="6" id="2"/>
      <protection_domain name="child" id="7" priority="9" setvar_id="child_id" domain="b">
        <program_image path="c.elf"/>
      </protection_domain>
      <virtual_machine name="guest" priority="3" budget="5" period="6">
        <vcpu id="0"/><vcpu id="1" cpu="1"/>
        <map mr="sized" vaddr="0x0" perms="rx" cached="false"/>
      </virtual_machine>
      <cspace><cap_tcb slot="1" pd="child"/><cap_sc slot="2" pd="late"/><cap_vspace slot="3" pd="parent"/></cspace>
    </protection_domain>
    <protection_domain name="late" domain="a"><program_image path="l.elf"/></protection_domain>
    <channel><end pd="parent" id="5" notify="false" setvar_id="e"/><end pd="late" id="0" notify="true"/></channel>
    <io_address_space name="nic" peripheral_id="0:2.0" domain_id="4">
      <iomap mr="sized" iovaddr="0x8000" perms="w"/>
    </io_address_space>
  </system>`;

test('whatever a description can have comes back', () => {
  // Not all of it goes together in one kernel; here it only has to be read.
  const system = read(everything, 'x86_64');
  const source = renderSource(system, 'everything.system');
  expect(withoutPlaces(runSource(source, 'x86_64'))).toEqual(withoutPlaces(system));
  expect(compileSources([source])).toEqual([]);
});

describe('names', () => {
  const all = [
    ...hostileNames,
    "'); process.exit(1); ('",
    '${process.exit(1)}',
    '`${1}`',
    '*/',
    '//',
    '\\u0027',
    'sdf',
    'defineSystem',
    'class',
    'await',
    'vmMr',
    'vmMr2',
    '2nd',
    'a b',
    'a_b',
    'a-b',
  ].filter((name, index, names) => names.indexOf(name) === index);

  test('that would be code are text, and constants have names of their own', () => {
    const system = systemWithNames(all);
    const source = renderSource(system, all.join(' '));
    expect(foreignNodes(source)).toEqual([]);
    expect(withoutPlaces(runSource(source, 'aarch64'))).toEqual(withoutPlaces(system));
    expect(compileSources([source])).toEqual([]);
  });

  test('of any kind come back as they were', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constantFrom(...all)), {
          minLength: 1,
          maxLength: 5,
        }),
        fc.string({ unit: 'binary' }),
        (names, origin) => {
          const system = systemWithNames(names);
          const source = renderSource(system, origin);
          expect(foreignNodes(source)).toEqual([]);
          expect(withoutPlaces(runSource(source, 'aarch64'))).toEqual(withoutPlaces(system));
        },
      ),
    );
  });
});
