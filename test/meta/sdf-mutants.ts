// SPDX-License-Identifier: BSD-2-Clause
// Files that are nearly system descriptions: accepted ones with one or a few faults each, of the kinds that people make
// and of those that nobody makes. The same seed gives the same files.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readExpected, sdfRoot } from './sdf-cases.ts';
import { sdfgenRoot } from './conformance.ts';

export interface SeedFile {
  readonly name: string;
  readonly text: string;
}

/** Accepted files for aarch64: of Microkit's suite, of sdfgen's goldens, and one with everything in it. */
export function seedFiles(): SeedFile[] {
  const accepted = readExpected().cases.filter(({ ok, config }) => ok && config === 'aarch64');
  const goldens = join(sdfgenRoot, 'golden', 'qemu_virt_aarch64');
  return [
    { name: 'everything', text: everything },
    ...accepted.map(({ file }) => ({ name: file, text: readFileSync(join(sdfRoot, 'sdf', file), 'utf8') })),
    ...readdirSync(goldens).map((name) => ({
      name,
      text: readFileSync(join(goldens, name, 'system.system'), 'utf8'),
    })),
  ];
}

const everything = `<?xml version="1.0" encoding="UTF-8"?>
<!-- everything that aarch64 has -->
<system>
    <domains>
        <domain name="one" id="1" />
        <domain name="two" />
        <domain_schedule start_index="0" index_shift="2">
            <schedule_entry domain="one" duration="1000 us" />
            <schedule_entry domain="two" duration="0x10 ticks" />
            <schedule_end_marker />
        </domain_schedule>
    </domains>
    <memory_region name="ram" size="0x200_000" page_size="0x200000" phys_addr="0x40000000" />
    <memory_region name="ring" size="0x2000" />
    <memory_region name="filled" size="0x1000" prefill_path="small.bin" />
    <memory_region name="tree" prefill_bootinfo="fdt" />
    <protection_domain name="parent" priority="100" budget="500" period="1_000" stack_size="0x4000" smc="false" cpu="0" fpu="true" domain="one">
        <program_image path="parent.elf" path_for_symbols="parent.sym.elf" />
        <map mr="ring" vaddr="0x2000000" perms="rw" cached="true" setvar_vaddr="ring" setvar_size="ring_size" />
        <map mr="filled" vaddr="0x3000000" perms="r" setvar_prefill_size="filled_size" />
        <map mr="tree" vaddr="0x3001000" perms="r" />
        <irq irq="33" id="0" trigger="edge" setvar_id="irq_id" />
        <setvar symbol="ram_paddr" region_paddr="ram" />
        <cspace>
            <cap_tcb slot="1" pd="child" />
            <cap_vspace slot="63" pd="client" />
        </cspace>
        <protection_domain name="child" id="61" priority="99" domain="two" setvar_id="child_id">
            <program_image path="child.elf" />
            <map mr="ring" vaddr="0x2000000" perms="r" />
        </protection_domain>
        <virtual_machine name="guest" priority="1" budget="10" period="10">
            <vcpu id="0" cpu="0" />
            <vcpu id="1" />
            <map mr="ram" vaddr="0x40000000" perms="rwx" />
        </virtual_machine>
    </protection_domain>
    <protection_domain name="client" priority="254" domain="two" passive="true">
        <program_image path="client.elf" />
        <irq irq="1019" id="61" />
    </protection_domain>
    <channel>
        <end pd="parent" id="1" pp="true" notify="false" setvar_id="to_client" />
        <end pd="client" id="0" />
    </channel>
</system>
`;

/** Numbers of 32 bits from a seed (xorshift). */
export function randomNumbers(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

type Random = (below: number) => number;

/** One to three faults. */
export function mutate(text: string, random: Random): string {
  let mutant = text;
  for (let count = 1 + random(8) === 8 ? 3 : 1; count > 0; count -= 1)
    mutant = pick(mutations, random)(mutant, random);
  return mutant;
}

const pick = <Item>(items: readonly Item[], random: Random): Item => {
  const item = items[random(items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
};

/** Replaces one of the matches of `pattern` by what `change` makes of it. */
function edit(
  text: string,
  pattern: RegExp,
  random: Random,
  change: (match: RegExpExecArray) => string,
): string {
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return text;
  const match = pick(matches, random);
  return text.slice(0, match.index) + change(match) + text.slice(match.index + match[0].length);
}

const attribute = / ([a-z_]+)="([^"]*)"/g;
const number = /"(0x[0-9a-f_]+|[0-9_]+)"/g;
const element = /<([a-z_]+)( [^<>]*?)?\/>/g;

const numbers = [
  '',
  '0',
  '1',
  '-1',
  '+1',
  '61',
  '62',
  '63',
  '64',
  '127',
  '128',
  '254',
  '255',
  '256',
  '300',
  '0x',
  '0X10',
  '0x10',
  '1e3',
  ' 1',
  '1 ',
  '1_000',
  '_',
  '010',
  '0b1',
  '1.5',
  '0x1000',
  '0x1001',
  '0x200000',
  '0xffffffc000',
  '0xffffffffffffffff',
  '18446744073709551615',
  '18446744073709551616',
  '99999999999999999999999999',
  '0x1_0000_0000_0000_0000',
  'x',
  '\u0661',
];
const words = [
  'true',
  'false',
  'True',
  '',
  'r',
  'w',
  'rw',
  'rwx',
  'wx',
  'xyz',
  'edge',
  'level',
  'monitor',
  '&amp;',
  '&lt;',
  'a b',
  'ü',
  '💥',
];
const junk = [
  '<',
  '>',
  '&',
  '"',
  "'",
  '\u0000',
  '\u0001',
  '\ufeff',
  ']]>',
  '<!--',
  '-->',
  '<!DOCTYPE x>',
  '<![CDATA[x]]>',
  '<?pi x?>',
  '&#0;',
  '&#65;',
  '&nope;',
  '\n',
  '\r',
  '\t',
  ' ',
  'text',
  '</system>',
  '<system>',
  'xmlns:q="u" q:',
  '<x/>',
];
const names = [
  'constructor',
  '__proto__',
  'toString',
  'name',
  'id',
  'pd',
  'size',
  'xmlns',
  'q:id',
  'perms',
  'cpu',
  'setvar_id',
];

const mutations: readonly ((text: string, random: Random) => string)[] = [
  // what people do
  (text, random) => edit(text, attribute, random, () => ''),
  (text, random) => edit(text, attribute, random, (match) => match[0] + match[0]),
  (text, random) => edit(text, attribute, random, (match) => ` ${match[1]}="${pick(numbers, random)}"`),
  (text, random) => edit(text, attribute, random, (match) => ` ${match[1]}="${pick(words, random)}"`),
  (text, random) => edit(text, attribute, random, (match) => ` ${pick(names, random)}="${match[2]}"`),
  (text, random) => edit(text, number, random, () => `"${pick(numbers, random)}"`),
  (text, random) => edit(text, number, random, (match) => `"${nudge(match[1] ?? '', random)}"`),
  (text, random) =>
    edit(
      text,
      /name="([^"]*)"/g,
      random,
      () => `name="${pick([...text.matchAll(/name="([^"]*)"/g)], random)[1]}"`,
    ),
  (text, random) => edit(text, element, random, () => ''),
  (text, random) => edit(text, element, random, (match) => match[0] + match[0]),
  (text, random) => edit(text, element, random, (match) => `<${pick(names, random)}${match[2] ?? ''}/>`),
  (text, random) =>
    edit(
      text,
      element,
      random,
      (match) => `<${match[1]}${match[2] ?? ''}>${pick(junk, random)}</${match[1]}>`,
    ),
  (text, random) =>
    edit(
      text,
      / *<(protection_domain|channel|memory_region|domains|virtual_machine)[^]*?<\/\1>\n/g,
      random,
      (match) => (random(2) === 0 ? '' : match[0] + match[0]),
    ),
  (text, random) => {
    const elements = [...text.matchAll(element)];
    if (elements.length === 0) return text;
    const moved = pick(elements, random)[0];
    const without = text.replace(moved, '');
    const ends = [...without.matchAll(/>\n/g)];
    return ends.length === 0 ? without : insert(without, pick(ends, random).index + 1, moved);
  },
  // what nobody does
  (text, random) => insert(text, random(text.length + 1), pick(junk, random)),
  (text, random) => text.slice(0, random(text.length)),
  (text, random) => {
    const at = random(text.length);
    return text.slice(0, at) + String.fromCharCode(random(0x180)) + text.slice(at + 1);
  },
  (text, random) => {
    const [from, to] = [random(text.length), random(text.length)];
    return insert(text, random(text.length), text.slice(from, Math.min(to, from + 200)));
  },
];

const insert = (text: string, at: number, what: string): string => text.slice(0, at) + what + text.slice(at);

/** A page, a large page or one more or less. */
function nudge(text: string, random: Random): string {
  const value = BigInt(text.replaceAll('_', '') || '0');
  const step = pick([1n, -1n, 0x1000n, -0x1000n, 0x20_0000n, -0x20_0000n], random);
  const next = value + step < 0n ? 0n : value + step;
  return text.startsWith('0x') ? `0x${next.toString(16)}` : String(next);
}
