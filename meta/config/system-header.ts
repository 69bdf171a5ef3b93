// SPDX-License-Identifier: BSD-2-Clause
// A C header per protection domain with every number that its program needs of the system, so that C code types none:
//
//   CHANNEL_SERVER                  id of the channel to 'server'
//   IRQ_33                          id of the interrupt 33 (x86: IRQ_IOAPIC0_PIN4, IRQ_MSI_VECTOR2)
//   CHILD_WORKER                    id of the child 'worker'
//   VCPU_LINUX                      id of the virtual machine's virtual CPU
//   IOPORT_3F8, _ADDR, _SIZE        id, first port and number of ports (x86)
//   REGION_FRAME_VADDR, _SIZE       where 'frame' is mapped, and its size in bytes
//   REGION_FRAME_PADDR              its physical address, if it has one
//   GUEST_LINUX_RAM_GPA, _SIZE      where the virtual machine sees 'ram', and its size
//
// A name is made of the other end's: in capitals, with `_` for what C does not take. What there are several of, is
// numbered in the order of the description, all of it: CHANNEL_SERVER_0, CHANNEL_SERVER_1. So a second channel never
// gives the first one's name another meaning: code that still says CHANNEL_SERVER is no longer compiled.

import type { Diagnostic } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import {
  allPds,
  type AnyIrq,
  type Mapping,
  type ProtectionDomain,
  type SystemDescription,
} from '../model.ts';
import { hex } from '../units.ts';
import type { ComponentConfig } from './component.ts';
import type { GeneratedHeader } from './own-struct.ts';

/** `client.system.h` */
export const systemHeaderName = (pd: string): string => `${pd}.system.h`;

/** The headers of all protection domains. Two things of one that would get one name are a finding that names both. */
export function systemHeaders(
  system: SystemDescription,
  configs: readonly ComponentConfig[],
): { readonly headers: readonly GeneratedHeader[]; readonly findings: readonly Diagnostic[] } {
  const pds = allPds(system.protectionDomains);
  const findings: Diagnostic[] = [];
  const headers = pds.map((pd) => {
    const numbers = numbersOf(pd, system);
    findings.push(...clashes(pd, numbers));
    return {
      name: systemHeaderName(pd.name),
      text: render(
        pd.name,
        numbers,
        configs.filter((config) => config.pd === pd.name),
      ),
    };
  });
  return { headers, findings };
}

interface Named {
  readonly name: string;
  readonly value: string;
  /** For people: what it is. */
  readonly what: string;
}

/** What is called alike by right, as two channels to one end: it gets numbers. */
interface Thing {
  readonly stem: string;
  readonly what: string;
  readonly values: readonly (readonly [suffix: string, value: string])[];
}

function numbersOf(pd: ProtectionDomain, system: SystemDescription): readonly Named[] {
  return [
    ...channelsOf(pd, system),
    ...pd.irqs.map(irqThing),
    ...pd.children.map(({ name, childId }) =>
      thing(`CHILD_${capitals(name)}`, `child '${name}'`, [['', childId]]),
    ),
    ...(pd.virtualMachine?.vcpus ?? []).map(({ id }) => {
      const vm = pd.virtualMachine?.name ?? '';
      return thing(`VCPU_${capitals(vm)}`, `a virtual CPU of '${vm}'`, [['', id]]);
    }),
    ...(pd.ioPorts ?? []).map(({ id, addr, size }) =>
      thing(`IOPORT_${addr.toString(16).toUpperCase()}`, `I/O ports from ${hex(addr)}`, [
        ['', id],
        ['_ADDR', hex(addr)],
        ['_SIZE', size],
      ]),
    ),
    ...pd.maps.map((map) => mapThing('REGION', 'VADDR', map)),
    ...(pd.virtualMachine?.maps ?? []).map((map) =>
      mapThing(`GUEST_${capitals(pd.virtualMachine?.name ?? '')}`, 'GPA', map),
    ),
  ].flatMap(numbered);
}

function channelsOf(pd: ProtectionDomain, { channels }: SystemDescription): readonly Thing[] {
  return channels.flatMap(({ a, b }) =>
    [
      { own: a, other: b },
      { own: b, other: a },
    ]
      .filter(({ own }) => own.pd === pd.name)
      .map(({ own, other }) =>
        thing(`CHANNEL_${capitals(other.pd)}`, `the channel to '${other.pd}'`, [['', own.id]]),
      ),
  );
}

function irqThing(irq: AnyIrq): Thing {
  if ('irq' in irq) return thing(`IRQ_${irq.irq}`, `interrupt ${irq.irq}`, [['', irq.id]]);
  if ('pin' in irq) {
    const { ioapic = 0, pin } = irq;
    return thing(`IRQ_IOAPIC${ioapic}_PIN${pin}`, `pin ${pin} of I/O APIC ${ioapic}`, [['', irq.id]]);
  }
  return thing(`IRQ_MSI_VECTOR${irq.vector}`, `message signalled interrupt ${irq.vector}`, [['', irq.id]]);
}

const mapThing = (stem: string, kind: 'VADDR' | 'GPA', { mr, vaddr }: Mapping): Thing =>
  thing(`${stem}_${capitals(mr.name)}`, `memory region '${mr.name}'`, [
    [`_${kind}`, `${hex(vaddr)}ull`],
    ['_SIZE', `${hex(mr.size)}ull`],
    ...(mr.paddr === undefined ? [] : [['_PADDR', `${hex(mr.paddr)}ull`] as const]),
  ]);

const thing = (
  stem: string,
  what: string,
  values: readonly (readonly [suffix: string, value: string | number | undefined])[],
): Thing => ({
  stem,
  what,
  values: values.map(([suffix, value]) => [suffix, String(value ?? 0)]),
});

/** Of several things that are one (`what`) and called alike, each gets its number. */
function numbered({ stem, what, values }: Thing, at: number, all: readonly Thing[]): readonly Named[] {
  const alike = all.filter((other) => other.stem === stem && other.what === what);
  const number = alike.length < 2 ? '' : `_${all.slice(0, at).filter((one) => alike.includes(one)).length}`;
  return values.map(([suffix, value]) => ({ name: `${stem}${suffix}${number}`, value, what }));
}

/** `SERIAL_VIRT_TX` of `serial-virt tx`. */
const capitals = (name: string): string => name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');

function clashes(pd: ProtectionDomain, numbers: readonly Named[]): Diagnostic[] {
  const seen = new Map<string, Named>();
  return numbers.flatMap((named) => {
    const first = seen.get(named.name);
    if (first === undefined) {
      seen.set(named.name, named);
      return [];
    }
    return [
      errorFinding(
        'HDR101',
        `${first.what} and ${named.what} of '${pd.name}' would both be ${named.name} in '${systemHeaderName(pd.name)}'`,
        { hint: 'rename one of them', place: pd.place },
      ),
    ];
  });
}

function render(pd: string, numbers: readonly Named[], configs: readonly ComponentConfig[]): string {
  const includes = [...new Set(configs.map(({ header }) => `#include ${header}`))];
  return `${[
    '// SPDX-License-Identifier: BSD-2-Clause',
    `// Generated by vmbuild: the numbers and configs of '${pd.replace(/[^ -[\]-~]/g, '?')}'. Do not edit.`,
    '#pragma once',
    ...blockOf(includes),
    ...blockOf(numbers.map(({ name, value }) => `#define ${name} ${value}`)),
    ...blockOf(configs.map(({ cName, symbol }) => `extern ${cName} ${symbol};`)),
  ].join('\n')}\n`;
}

const blockOf = (lines: readonly string[]): readonly string[] => (lines.length === 0 ? [] : ['', ...lines]);
