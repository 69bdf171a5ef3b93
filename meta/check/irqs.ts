// SPDX-License-Identifier: BSD-2-Clause
// Rules of interrupts and of x86's I/O ports.

import type { Diagnostic, Place } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import { pdLimits } from '../limits.ts';
import { allPds, type AnyIrq, type IoPort, type ProtectionDomain, type SystemDescription } from '../model.ts';
import { hex } from '../units.ts';
import { duplicates } from './duplicates.ts';
import { pciFault } from './pci.ts';
import { overlappingPairs } from './ranges.ts';
import { isIntegerBelow } from './scheduling.ts';
import type { CheckTarget } from './target.ts';

export function checkIrqs(system: SystemDescription, target: CheckTarget): Diagnostic[] {
  const pds = allPds(system.protectionDomains);
  return [
    ...pds.flatMap((pd) => pd.irqs.flatMap((irq) => checkIrq(irq, pd, target))),
    ...checkTwice(pds),
    ...pds.flatMap((pd) => checkPorts(pd, target)),
    ...checkPortOverlap(pds),
  ];
}

function checkIrq(irq: AnyIrq, pd: ProtectionDomain, { arch }: CheckTarget): Diagnostic[] {
  const isX86 = arch === 'x86_64';
  const place = irq.place ?? pd.place;
  const wrong = (code: string, message: string, hint: string): Diagnostic[] => [
    errorFinding(code, `${message} on element 'irq' (of '${pd.name}')`, { hint, place }),
  ];
  if ('irq' in irq) {
    if (isX86) return wrong('SDF540', 'ARM and RISC-V IRQs are not supported on x86', 'give pin or pcidev');
    const end = arch === 'aarch64' ? pdLimits.gicIrqs : pdLimits.plicIrqs;
    if (isIntegerBelow(irq.irq, end)) return [];
    return [
      errorFinding('SDF514', `irq ${irq.irq} of protection domain '${pd.name}' is not in 0..${end - 1}`, {
        hint:
          arch === 'aarch64'
            ? 'add 32 to the number of an SPI in the device tree, 16 to that of a PPI'
            : "use the number of the device tree's PLIC",
        place,
      }),
    ];
  }
  const vector = isIntegerBelow(irq.vector, pdLimits.x86Vectors)
    ? []
    : wrong(
        'SDF543',
        `vector must be within [0..${pdLimits.x86Vectors - 1}]`,
        `use one in that range, not ${irq.vector}`,
      );
  if ('pin' in irq) {
    if (!isX86)
      return wrong('SDF541', "x86 I/O APIC IRQ isn't supported on ARM and RISC-V", 'give the number as irq');
    return [
      ...((irq.ioapic ?? 0) < 0
        ? wrong('SDF544', 'ioapic must be >= 0', `count from 0; it is ${irq.ioapic}`)
        : []),
      ...(irq.pin < 0 ? wrong('SDF545', 'pin must be >= 0', `count from 0; it is ${irq.pin}`) : []),
      ...vector,
    ];
  }
  if (!isX86)
    return wrong('SDF542', "x86 MSI IRQ isn't supported on ARM and RISC-V", 'give the number as irq');
  const fault = pciFault(irq.pcidev);
  return [
    ...(fault === undefined
      ? []
      : wrong('SDF546', fault, `write bus:device.function in hexadecimal, as 0:1f.2, not '${irq.pcidev}'`)),
    ...(irq.handle < 0 ? wrong('SDF547', 'handle must be >= 0', `count from 0; it is ${irq.handle}`) : []),
    ...vector,
  ];
}

/** On x86 the vector is what the tool compares. */
const numberOf = (irq: AnyIrq): number => ('irq' in irq ? irq.irq : irq.vector);

function checkTwice(pds: readonly ProtectionDomain[]): Diagnostic[] {
  const irqs = pds.flatMap((pd) => pd.irqs.map((irq) => ({ pd, irq, number: numberOf(irq) })));
  return duplicates(irqs, ({ number }) => number).map(({ first, again }) =>
    errorFinding(
      'SDF513',
      `duplicate irq: ${again.number} in protection domain: '${again.pd.name}' ('${first.pd.name}' has it already)`,
      { hint: 'give it to one of them', place: again.irq.place ?? again.pd.place },
    ),
  );
}

function checkPorts({ name, ioPorts = [], place }: ProtectionDomain, { arch }: CheckTarget): Diagnostic[] {
  if (ioPorts.length > 0 && arch !== 'x86_64')
    return [
      errorFinding(
        'SDF548',
        `I/O Ports are only available on x86 on element 'protection_domain' ('${name}', on ${arch})`,
        { hint: 'take them out', place },
      ),
    ];
  const outside = ioPorts.flatMap((port) => checkPort(port, name));
  const twice = duplicates(ioPorts, ({ id }) => id).map(({ again }) =>
    errorFinding('SDF550', `duplicate I/O port id: ${again.id} in protection domain: '${name}'`, {
      hint: 'leave one of the ids out',
      place: again.place ?? place,
    }),
  );
  return [...outside, ...twice];
}

/** in and out take a port of 16 bits. */
const portsEnd = 0x1_0000;

function checkPort({ id, addr, size, place }: IoPort, pd: string): Diagnostic[] {
  const wrong = (code: string, message: string, hint: string): Diagnostic =>
    errorFinding(code, message, { hint, place });
  return [
    ...(id >= pdLimits.ids || id < 0
      ? [
          wrong(
            'SDF406',
            `id must be ${id < 0 ? '>= 0' : `< ${pdLimits.ids}`} on element 'ioport' (of '${pd}', ${id})`,
            'number them from 0',
          ),
        ]
      : []),
    ...(size <= 0
      ? [
          wrong(
            'SDF549',
            `size must be > 0 on element 'ioport' (of '${pd}', ${size})`,
            'give the number of ports',
          ),
        ]
      : []),
    ...(size > 0 && addr + size > portsEnd
      ? [
          wrong(
            'SDF552',
            `I/O ports [${hex(addr)}..${hex(addr + size)}) of '${pd}' end above ${hex(portsEnd)}`,
            'use ports below',
          ),
        ]
      : []),
  ];
}

function checkPortOverlap(pds: readonly ProtectionDomain[]): Diagnostic[] {
  const ports = pds.flatMap((pd) =>
    (pd.ioPorts ?? []).map((port) => ({ pd, port, start: port.addr, end: port.addr + port.size })),
  );
  const describe = ({ pd, port, start, end }: (typeof ports)[number]): string =>
    `I/O port id: ${port.id}, half-open range: [${hex(start)}, ${hex(end)}) in protection domain: '${pd.name}'${at(pd.place)}`;
  return overlappingPairs(ports).map(([earlier, later]) =>
    errorFinding('SDF551', `${describe(later)} overlaps with ${describe(earlier)}`, {
      hint: 'give them to one of the two',
      place: later.port.place ?? later.pd.place,
    }),
  );
}

/** The tool names the place of both protection domains within its sentence. */
const at = (place: Place | undefined): string =>
  place === undefined ? '' : ` @ ${place.file}:${place.line}:${place.column}`;
