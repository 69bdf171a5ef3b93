// SPDX-License-Identifier: BSD-2-Clause
// Rules of protection domains and virtual machines: names, priorities, budgets, stacks, interrupts, children, vCPUs.

import type { Diagnostic } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import { pdLimits } from '../limits.ts';
import { allPds, type ProtectionDomain, type SystemDescription } from '../model.ts';
import { hex } from '../units.ts';
import { duplicates } from './duplicates.ts';
import { checkCharacters, checkName } from './names.ts';
import { checkScheduling, isIntegerBelow } from './scheduling.ts';
import { checkVms } from './vms.ts';

export function checkPds(system: SystemDescription): Diagnostic[] {
  const pds = allPds(system.protectionDomains);
  return [
    ...checkCount(pds),
    ...checkNames(pds),
    ...pds.flatMap(checkPd),
    ...pds.flatMap(checkChildren),
    ...checkVms(system.arch, pds),
    ...checkIrqs(pds),
  ];
}

function checkCount(pds: readonly ProtectionDomain[]): Diagnostic[] {
  if (pds.length === 0)
    return [
      errorFinding('SDF501', 'at least one protection domain must be defined; the system has 0', {
        hint: 'add a protection domain',
      }),
    ];
  if (pds.length <= pdLimits.pds) return [];
  return [
    errorFinding(
      'SDF502',
      `too many protection domains (${pds.length}) defined. Maximum is ${pdLimits.pds}`,
      {
        hint: 'put components together',
      },
    ),
  ];
}

function checkNames(pds: readonly ProtectionDomain[]): Diagnostic[] {
  const twice = duplicates(pds, ({ name }) => name).map(({ again }) =>
    errorFinding('SDF503', `duplicate protection domain name '${again.name}'`, {
      hint: 'rename one of them',
      place: again.place,
    }),
  );
  const reserved = pds
    .filter(({ name }) => name === 'monitor')
    .map(({ place }) =>
      errorFinding('SDF504', `the PD name 'monitor' is reserved for the Microkit Monitor`, {
        hint: 'rename it',
        place,
      }),
    );
  return [
    ...twice,
    ...reserved,
    ...pds.flatMap(({ name, place }) => checkName('protection domain', name, place)),
  ];
}

function checkPd(pd: ProtectionDomain): Diagnostic[] {
  const { name, stackSize, cpu, place } = pd;
  const found = checkScheduling(`protection domain '${name}'`, pd, place);
  const { minStackBytes: low, maxStackBytes: high } = pdLimits;
  if (stackSize !== undefined && (stackSize < low || stackSize > high || stackSize % 0x1000n !== 0n))
    found.push(
      errorFinding(
        'SDF508',
        `stack size ${hex(stackSize)} of protection domain '${name}' must be between ${hex(low)} bytes and ${hex(high)} bytes, in pages of 4096 bytes`,
        { hint: `use ${hex(pdLimits.defaultStackBytes)}, the default`, place },
      ),
    );
  if (cpu !== undefined && !isIntegerBelow(cpu, pdLimits.cpus))
    found.push(
      errorFinding(
        'SDF509',
        `cpu core of protection domain '${name}' must be less than ${pdLimits.cpus}, got ${cpu}`,
        {
          hint: 'use a core that the board has',
          place,
        },
      ),
    );
  if (pd.programImage === '')
    found.push(
      errorFinding('SDF510', `program image of protection domain '${name}' has an empty path`, {
        hint: `use '${name.toLowerCase()}.elf'`,
        place,
      }),
    );
  return [
    ...found,
    ...checkCharacters(`program image of protection domain '${name}'`, pd.programImage, place),
  ];
}

function checkChildren(parent: ProtectionDomain): Diagnostic[] {
  const vcpus = new Set(parent.virtualMachine?.vcpus.map(({ id }) => id));
  const ids = parent.children.map((child) => ({ id: child.childId ?? -1, child }));
  return [
    ...duplicates(ids, ({ id }) => id).map(({ first, again }) =>
      errorFinding(
        'SDF511',
        `duplicate id: ${again.id} in protection domain: '${parent.name}', used by '${first.child.name}' and '${again.child.name}'`,
        { hint: 'leave one of the ids out', place: again.child.place },
      ),
    ),
    ...ids
      .filter(({ id }) => vcpus.has(id))
      .map(({ id, child }) =>
        errorFinding(
          'SDF512',
          `id ${id} of child '${child.name}' clashes with virtual machine vcpu id in protection domain: '${parent.name}'`,
          { hint: 'give the child another id', place: child.place },
        ),
      ),
  ];
}

function checkIrqs(pds: readonly ProtectionDomain[]): Diagnostic[] {
  const irqs = pds.flatMap((pd) => pd.irqs.flatMap((irq) => ('irq' in irq ? [{ pd: pd.name, ...irq }] : [])));
  const wrong = irqs
    .filter(({ irq }) => !isIntegerBelow(irq, pdLimits.irqs))
    .map(({ pd, irq, place }) =>
      errorFinding('SDF514', `irq ${irq} of protection domain '${pd}' is not in 0..${pdLimits.irqs - 1}`, {
        hint: 'an SPI of the device tree is that number plus 32',
        place,
      }),
    );
  return [
    ...wrong,
    ...duplicates(irqs, ({ irq }) => irq).map(({ first, again }) =>
      errorFinding(
        'SDF513',
        `duplicate irq: ${again.irq} in protection domain: '${again.pd}'; '${first.pd}' has it already`,
        {
          hint: 'give it to one of them',
          place: again.place,
        },
      ),
    ),
  ];
}
