// SPDX-License-Identifier: BSD-2-Clause
// The rules of a system, each with the smallest system that breaks it and the exact text.

import {
  bytes,
  type MemoryRegion,
  type PdBuilder,
  type Perms,
  type SystemBuilder,
} from '../../meta/index.ts';

export type Wrong = (sdf: SystemBuilder, a: PdBuilder, b: PdBuilder) => void;

/** Each on top of two good protection domains, a (priority 2) and b (priority 1). */
export const rules: readonly (readonly [code: string, message: string, wrong: Wrong])[] = [
  [
    'SDF102',
    "memory region 'dma' of 0x30000000 bytes does not fit between 0x40000000 and 0x60000000, where 0x20000000 bytes of physical memory are left",
    (sdf, a) => a.map(sdf.addMr({ name: 'dma', size: 0x3000_0000n, physical: true }), { perms: 'rw' }),
  ],
  [
    'SDF103',
    "id 7 for the channel to 'b' of 'a' is taken already",
    (sdf, a, b) => {
      a.addIrq({ irq: 33, id: 7 });
      sdf.addChannel({ a: { pd: a, id: 7 }, b: { pd: b } });
    },
  ],
  ['SDF104', "id 62 for IRQ 33 of 'a' is not in 0..61", (_, a) => a.addIrq({ irq: 33, id: 62 })],
  ['SDF104', "id -1 for IRQ 33 of 'a' is not in 0..61", (_, a) => a.addIrq({ irq: 33, id: -1 })],
  [
    'SDF105',
    "'a' has no id left for IRQ 162: it has 62 of 62",
    (_, a) => {
      for (let irq = 100; irq < 163; irq += 1) a.addIrq({ irq });
    },
  ],
  [
    'SDF106',
    "protection domain 'a' already has the virtual machine 'v'; 'w' would be its second",
    (_, a) => {
      a.setVirtualMachine({ name: 'v', vcpus: [{ id: 0 }] });
      a.setVirtualMachine({ name: 'w', vcpus: [{ id: 0 }] });
    },
  ],
  [
    'SDF201',
    "duplicate memory region name 'm'.",
    (sdf, a) => {
      a.map(sdf.addMr({ name: 'm', size: 0x1000n }), { perms: 'rw' });
      a.map(sdf.addMr({ name: 'm', size: 0x1000n }), { perms: 'rw' });
    },
  ],
  ['SDF202', 'a memory region of 4 KiB (0x1000) has an empty name', mapped({ name: '', size: 0x1000n })],
  [
    'SDF203',
    "page size 0x2000 not supported on element 'memory_region' ('m')",
    mapped({ name: 'm', size: 0x2000n, pageSize: 0x2000n }),
  ],
  [
    'SDF204',
    "size is not a multiple of the page size on element 'memory_region' ('m': 0x1001, pages of 0x1000)",
    mapped({ name: 'm', size: 0x1001n }),
  ],
  [
    'SDF207',
    "memory region 'm' has 0 bytes and is mapped, at which the Microkit tool panics",
    mapped({ name: 'm', size: 0n }),
  ],
  [
    'SDF205',
    "phys_addr is not aligned to the page size on element 'memory_region' ('m': 0x9000800, pages of 0x1000)",
    mapped({ name: 'm', size: 0x1000n, paddr: 0x900_0800n }),
  ],
  [
    'SDF206',
    "memory region 'm' [0xfffffff000..0x10000001000) ends above 0x10000000000, the end of physical memory",
    mapped({ name: 'm', size: 0x2000n, paddr: 0xff_ffff_f000n }),
  ],
  [
    'SDF210',
    "memory region 'm' physical address range [0x9000000..0x9002000) overlaps with another memory region 'n' [0x9001000..0x9002000)",
    (sdf, a) => {
      a.map(sdf.addMr({ name: 'n', size: 0x1000n, paddr: 0x900_1000n }), { perms: 'rw' });
      a.map(sdf.addMr({ name: 'm', size: 0x2000n, paddr: 0x900_0000n }), { perms: 'rw' });
    },
  ],
  [
    'SDF301',
    "invalid memory region name 'lost' on 'map' (in protection domain 'a')",
    (_, a) => a.map({ name: 'lost', size: bytes(0x1000) } satisfies MemoryRegion, { perms: 'rw' }),
  ],
  [
    'SDF308',
    "perms must not be 'w', write-only mappings are not allowed on element 'map' ('m' in protection domain 'a')",
    (sdf, a) => a.map(sdf.addMr({ name: 'm', size: 0x1000n }), { perms: 'w' as Perms }),
  ],
  [
    'SDF303',
    "invalid vaddr alignment on 'map' (0x800 of 'm' in protection domain 'a' is not a multiple of 0x1000)",
    (sdf, a) => a.map(sdf.addMr({ name: 'm', size: 0x1000n }), { perms: 'rw', vaddr: 0x800n }),
  ],
  [
    'SDF305',
    "vaddr (0xffffffc000) must be less than 0xffffffc000 on element 'map' ('m' in protection domain 'a')",
    (sdf, a) => a.map(sdf.addMr({ name: 'm', size: 0x1000n }), { perms: 'rw', vaddr: 0xff_ffff_c000n }),
  ],
  [
    'SDF310',
    "map for 'n' has virtual address range [0x20001000..0x20003000) which overlaps with map for 'm' [0x20000000..0x20002000) in protection domain 'a'",
    (sdf, a) => {
      a.map(sdf.addMr({ name: 'm', size: 0x2000n }), { perms: 'rw' });
      a.map(sdf.addMr({ name: 'n', size: 0x2000n }), { perms: 'rw', vaddr: 0x2000_1000n });
    },
  ],
  [
    'SDF402',
    "a channel connects 'a' with itself (ids 0 and 1)",
    (sdf, a) => sdf.addChannel({ a: { pd: a }, b: { pd: a } }),
  ],
  [
    'SDF403',
    "cannot ppc bidirectionally on element 'channel' ('a' and 'b' both have pp)",
    (sdf, a, b) => sdf.addChannel({ a: { pd: a, pp: true }, b: { pd: b, pp: true } }),
  ],
  [
    'SDF404',
    'PPCs must be to protection domains of strictly higher priorities; channel with PPC exists from pd a (priority: 2) to pd b (priority: 1)',
    (sdf, a, b) => sdf.addChannel({ a: { pd: a, pp: true }, b: { pd: b } }),
  ],
  [
    'SDF404',
    'PPCs must be to protection domains of strictly higher priorities; channel with PPC exists from pd b (priority: 1) to pd c (priority: 1)',
    (sdf, _, b) => {
      const c = sdf.addPd({ name: 'c', programImage: 'x.elf', priority: 1 });
      sdf.addChannel({ a: { pd: b, pp: true }, b: { pd: c } });
    },
  ],
  [
    'SDF502',
    'too many protection domains (64) defined. Maximum is 63.',
    (sdf) => {
      for (let i = 2; i < 64; i += 1) sdf.addPd({ name: `pd${i}`, programImage: 'x.elf' });
    },
  ],
  [
    'SDF503',
    "duplicate protection domain name 'a'.",
    (sdf) => sdf.addPd({ name: 'a', programImage: 'x.elf' }),
  ],
  [
    'SDF504',
    "the PD name 'monitor' is reserved for the Microkit Monitor.",
    (sdf) => sdf.addPd({ name: 'monitor', programImage: 'x.elf' }),
  ],
  [
    'SDF505',
    "name '' of a protection domain has 0 bytes; it takes 1 to 63",
    (sdf) => sdf.addPd({ name: '', programImage: 'x.elf' }),
  ],
  [
    'SDF505',
    `name '${'ü'.repeat(32)}' of a protection domain has 64 bytes; it takes 1 to 63`,
    (sdf) => sdf.addPd({ name: 'ü'.repeat(32), programImage: 'x.elf' }),
  ],
  [
    'SDF506',
    "priority must be between 0 and 254 on element 'protection_domain' ('c' has 300)",
    (sdf) => sdf.addPd({ name: 'c', programImage: 'x.elf', priority: 300 }),
  ],
  [
    'SDF507',
    "budget (1000) must be less than, or equal to, period (900) on element 'protection_domain' ('c')",
    (sdf) => sdf.addPd({ name: 'c', programImage: 'x.elf', period: 900 }),
  ],
  [
    'SDF517',
    "stack size must be aligned to the smallest page size, 4096 bytes on element 'protection_domain' ('c' has 0x1800)",
    (sdf) => sdf.addPd({ name: 'c', programImage: 'x.elf', stackSize: 0x1800n }),
  ],
  [
    'SDF509',
    "cpu core must be less than 256, got 256 on element 'protection_domain' ('c')",
    (sdf) => sdf.addPd({ name: 'c', programImage: 'x.elf', cpu: 256 }),
  ],
  [
    'SDF510',
    "program image of protection domain 'c' has an empty path",
    (sdf) => sdf.addPd({ name: 'c', programImage: '' }),
  ],
  [
    'SDF512',
    "duplicate id: 0 clashes with virtual machine vcpu id in protection domain: 'a' (child 'c')",
    (_, a) => {
      a.setVirtualMachine({ name: 'v', vcpus: [{ id: 0 }] });
      a.addChild({ name: 'c', programImage: 'x.elf' }, 0);
    },
  ],
  [
    'SDF513',
    "duplicate irq: 33 in protection domain: 'b' ('a' has it already)",
    (_, a, b) => {
      a.addIrq({ irq: 33 });
      b.addIrq({ irq: 33 });
    },
  ],
  ['SDF514', "irq 1020 of protection domain 'a' is not in 0..1019", (_, a) => a.addIrq({ irq: 1020 })],
  [
    'SDF515',
    'memory region "a\\u0000b" has the character U+0000 at 1, which XML cannot carry',
    mapped({ name: 'a\0b', size: 0x1000n }),
  ],
  [
    'SDF515',
    'protection domain "\\ud800" has the character U+d800 at 0, which XML cannot carry',
    (sdf) => sdf.addPd({ name: '\ud800', programImage: 'x.elf' }),
  ],
  [
    'SDF601',
    "duplicate virtual machine name 'v'.",
    (_, a, b) => {
      for (const pd of [a, b]) pd.setVirtualMachine({ name: 'v', vcpus: [{ id: 0 }] });
    },
  ],
  [
    'SDF602',
    "virtual machine 'b' is called like a protection domain: object names must be unique",
    (_, a) => a.setVirtualMachine({ name: 'b', vcpus: [{ id: 0 }] }),
  ],
  [
    'SDF603',
    "missing 'vcpu' element on virtual_machine: 'v'",
    (_, a) => a.setVirtualMachine({ name: 'v', vcpus: [] }),
  ],
  [
    'SDF604',
    "duplicate vcpu id 1 in virtual machine 'v'",
    (_, a) => a.setVirtualMachine({ name: 'v', vcpus: [{ id: 1 }, { id: 1 }] }),
  ],
  [
    'SDF605',
    "id must be < 62 on element 'vcpu' (62 of 'v')",
    (_, a) => a.setVirtualMachine({ name: 'v', vcpus: [{ id: 62 }] }),
  ],
  [
    'SDF606',
    "cpu core must be less than 256, got 999 on element 'vcpu' (0 of 'v')",
    (_, a) => a.setVirtualMachine({ name: 'v', vcpus: [{ id: 0, cpu: 999 }] }),
  ],
];

function mapped(options: Parameters<SystemBuilder['addMr']>[0]): Wrong {
  return (sdf, a) => a.map(sdf.addMr(options), { perms: 'rw' });
}
