// SPDX-License-Identifier: BSD-2-Clause
// What devices behind an x86 IOMMU see: a root per device, slot 0 of which holds its page tables. The other slots hold empty
// tables that the initialiser needs if the machine's addresses are wider than the 39 bits that the tool counts on.

import { hex } from '../units.ts';
import { because } from './because.ts';
import type { Expectation } from './expect.ts';
import { pciAttributes } from './expect-irq.ts';
import { makeObject, plainCap } from './expect-thread.ts';
import { type ExpectedRange, type ExpectedThread, rightsOf } from './expected.ts';
import { ioSpace } from './microkit.ts';

export const expectIoSpaces = ({ system, memories, add }: Expectation): ExpectedThread[] =>
  (system.ioAddressSpaces ?? [])
    // The tool makes one when it maps the first region into it.
    .filter(({ maps }) => maps.length > 0)
    .map(({ name, peripheralId, domainId, maps, place }): ExpectedThread => {
      const why = because('io address space', `I/O address space '${name}'`, place);
      const owner = name;
      const root = add({
        ...makeObject(
          'IOSpace',
          `iospace_${name}`,
          { owner, because: why },
          {
            domainId: BigInt(domainId ?? 0),
            ...pciAttributes(peripheralId),
          },
        ),
        space: {
          holder: `device '${name}'`,
          owner,
          kind: 'iospace' as const,
          ranges: maps.map(
            (map): ExpectedRange => ({
              start: map.iovaddr,
              memory: memories.ofRegion(map.mr),
              rights: rightsOf(map.perms.includes('r'), map.perms.includes('w')),
              cached: false,
              executable: false,
              because: because(
                'map',
                `iomap of '${map.mr.name}' at ${hex(map.iovaddr)} in I/O address space '${name}'`,
                map.place ?? place,
              ),
            }),
          ),
        },
      });
      for (let spare = 1; spare <= ioSpace.spareTables; spare += 1) {
        const text = `spare table ${spare} of I/O address space '${name}'`;
        const table = add(
          makeObject(
            'IOPageTable',
            `iopt_level_0_${name}_spare_${spare}`,
            { owner, because: because('microkit', text, place) },
            { level: 0n },
          ),
        );
        root.slots.set(spare, plainCap('IOPageTable', table));
      }
      return { kind: 'device', name, object: root };
    });
