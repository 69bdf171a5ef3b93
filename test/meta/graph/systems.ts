// SPDX-License-Identifier: BSD-2-Clause
// Small systems for the tests of graphs, and names that a person would not choose.

import { paddr, type PdOptions, SystemBuilder, type SystemDescription } from '../../../meta/index.ts';
import type { PdBuilder } from '../../../meta/pd-builder.ts';

export const builder = (): SystemBuilder =>
  new SystemBuilder({ arch: 'aarch64', paddrTop: paddr(0x8000_0000) });

export const pd = (
  sdf: SystemBuilder,
  name: string,
  priority: number,
  more: Partial<PdOptions> = {},
): PdBuilder => sdf.addPd({ name, programImage: `${name}.elf`, priority, ...more });

/** Some of each: markup, quotes, line ends, directives of Mermaid, things that turn text around, nothing at all. */
export const hostileNames: readonly string[] = [
  '"',
  "'",
  '`',
  '\\',
  'a\\',
  '\\N\\G\\L',
  '<script>alert(1)</script>',
  '<b>',
  '&amp;',
  '&#34;',
  '#34;',
  ']]>',
  '-->',
  '%%{init: {"securityLevel": "loose"}}%%',
  '%% comment',
  'end',
  'subgraph',
  'graph',
  'click a href "javascript:alert(1)"',
  'line\nfeed\r\ttab',
  '\u2028\u2029',
  '\u202Eright to left',
  '\u0000\u0001\u007F',
  '\uD800',
  'ümlaut Ω 名前 🦭',
  '|"x"|',
  '["x"]',
  '1. list',
  '- list',
  '__proto__',
  'constructor',
  '',
  ' ',
  'x'.repeat(10_000),
];

/** Protection domains, machines, regions and programs with these names, all connected in a row. */
export function systemWithNames(names: readonly string[]): SystemDescription {
  const sdf = builder();
  const pds = names.map((name) => pd(sdf, name, 1));
  for (const [index, one] of pds.entries()) {
    const next = pds[index + 1];
    const name = names[index] ?? '';
    const mr = sdf.addMr({ name, size: 0x1000n });
    one.map(mr, { perms: 'rw' });
    const vm = one.setVirtualMachine({ name, vcpus: [{ id: 0 }] });
    vm.map(mr, { perms: 'rwx', vaddr: 0n });
    if (next === undefined) continue;
    next.map(mr, { perms: 'r' });
    sdf.addChannel({ a: { pd: one }, b: { pd: next } });
  }
  return sdf.describe();
}
