// SPDX-License-Identifier: BSD-2-Clause
// Comments of a system file stand above the statement that their element becomes, and are never anything else.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { findComments } from '../../../meta/import/comments.ts';
import { renderSource } from '../../../meta/import/render-source.ts';
import { parseSdf } from '../../../meta/sdf/parse.ts';
import { compileSources, foreignNodes, runSource, withoutPlaces } from './imported.ts';

function importText(text: string): { source: string; statements: string } {
  const { system, findings } = parseSdf(text, 'test.system', { arch: 'aarch64' });
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  if (system === undefined) throw new Error('no system');
  const source = renderSource(system, 'test.system', findComments(text, system));
  expect(foreignNodes(source)).toEqual([]);
  expect(withoutPlaces(runSource(source, 'aarch64'))).toEqual(withoutPlaces(system));
  return { source, statements: source.slice(source.indexOf('=> {\n') + 5) };
}

test('each comment goes with what it stands before, or behind on one line', () => {
  const { source, statements } = importText(
    `<?xml version="1.0"?>
<!--
     Copyright of somebody
       in two lines
-->
<system>
  <!-- memory --> <memory_region name="mr" size="0x1000"/> <!-- of a page -->
  <!-- unused --><memory_region name="other" size="0x1000"/>
  <protection_domain name="pd">
    <program_image path="pd.elf"/> <!-- the program -->
    <!-- mapped -->
    <map mr="mr" vaddr="0x1000000"/>
    <irq irq="3" id="0"/><![CDATA[<!-- none -->]]> <!-- <![CDATA[ --> <!-- one -->
  </protection_domain>
  <!-- the end -->
</system>
`,
  );
  expect(statements).toBe(`  // Copyright of somebody
  // in two lines
  // memory
  // of a page
  const mr = sdf.addMr({ name: 'mr', size: 0x1000n });
  // unused
  sdf.addMr({ name: 'other', size: 0x1000n });

  const pd = sdf.addPd({ name: 'pd', programImage: 'pd.elf' });
  // the program
  // mapped
  pd.map(mr, { vaddr: 0x1000000n, perms: 'rw' });
  // <![CDATA[
  // one
  pd.addIrq({ irq: 3, id: 0 });
  // the end
});
`);
  expect(compileSources([source])).toEqual([]);
});

test('whatever a comment says, it stays one', () => {
  const letters = fc.constantFrom(
    'a',
    '\n',
    '\r',
    '\u2028',
    '\u2029',
    '\u0085',
    '*/',
    '//',
    '`',
    '${',
    "'",
    ';',
    '}',
  );
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 20 }), fc.string(), (parts, other) => {
      const inner = `${parts.join('')}${other}`.replaceAll(/--|-$|[^\t\n\r -\uD7FF\uE000-\uFFFD]/g, '');
      importText(`<system><!--${inner}--><memory_region name="mr" size="0x1000"/><!--${inner}-->
        <protection_domain name="pd"><!--${inner}--><program_image path="p"/></protection_domain>
      <!--${inner}--></system>`);
    }),
  );
});
