// SPDX-License-Identifier: BSD-2-Clause
// The system text beyond the goldens: what XML wants escaped, attributes that sdfgen cannot write.

import { XMLParser, XMLValidator } from 'fast-xml-parser';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkSystem, paddr, renderSdf, SystemBuilder } from '../../meta/index.ts';

test('any name that passes the check survives a reader of XML', () => {
  const parser = new XMLParser({
    ignoreAttributes: false,
    parseTagValue: false,
    trimValues: false,
    htmlEntities: true,
  });
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), (name) => {
      const sdf = builder();
      sdf.addPd({ name, programImage: 'x.elf' });
      fc.pre(checkSystem(sdf.describe()).length === 0);
      const text = renderSdf(sdf.describe());
      expect(XMLValidator.validate(text)).toBe(true);
      const read = parser.parse(text) as { system: { protection_domain: Record<string, string> } };
      expect(read.system.protection_domain['@_name']).toBe(name);
    }),
  );
});

test('what sdfgen escapes not, loses or cannot say', () => {
  const sdf = builder();
  const mr = sdf.addMr({ name: `a<&"b`, size: 0x20_0000n, pageSize: 0x20_0000n });
  const pd = sdf.addPd({ name: 'vmm', programImage: 'dir/a&b.elf', smc: true, priority: 1 });
  pd.map(mr, { perms: 'rx' });
  pd.addSetvar({ symbol: 'base', regionPaddr: mr });
  pd.setVirtualMachine({ name: 'vm', vcpus: [{ id: 1 }], priority: 1, budget: 100, period: 400 });
  pd.addChild({ name: 'child', programImage: 'c.elf' }, 0);
  expect(renderSdf(sdf.build().system)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<system>
    <memory_region name="a&lt;&amp;&quot;b" size="0x200000" page_size="0x200000" />
    <protection_domain name="vmm" priority="1" smc="true">
        <program_image path="dir/a&amp;b.elf" />
        <map mr="a&lt;&amp;&quot;b" vaddr="0x20000000" perms="rx" />
        <protection_domain name="child" id="0">
            <program_image path="c.elf" />
        </protection_domain>
        <virtual_machine name="vm" priority="1" budget="100" period="400">
            <vcpu id="1" />
        </virtual_machine>
        <setvar symbol="base" region_paddr="a&lt;&amp;&quot;b" />
    </protection_domain>
</system>`);
});

function builder(): SystemBuilder {
  return new SystemBuilder({ arch: 'aarch64', paddrTop: paddr(0x6000_0000) });
}
