// SPDX-License-Identifier: BSD-2-Clause
// Rules of protection domains: how many, names, priorities, budgets, stacks, cores, children.

import type { Diagnostic } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import { pdLimits, regionLimits } from '../limits.ts';
import { allPds, type ProtectionDomain, type SystemDescription } from '../model.ts';
import { hex } from '../units.ts';
import { duplicates } from './duplicates.ts';
import { checkCharacters, checkName } from './names.ts';
import { checkScheduling, isIntegerBelow } from './scheduling.ts';
import type { CheckTarget } from './target.ts';

export function checkPds(system: SystemDescription, target: CheckTarget): Diagnostic[] {
  const pds = allPds(system.protectionDomains);
  return [
    ...checkCount(pds),
    ...checkNames(pds),
    ...pds.flatMap((pd) => checkPd(pd, target)),
    ...pds.flatMap(checkChildren),
  ];
}

function checkCount(pds: readonly ProtectionDomain[]): Diagnostic[] {
  if (pds.length === 0)
    return [
      errorFinding('SDF501', 'at least one protection domain must be defined (the system has 0)', {
        hint: 'add a protection domain',
      }),
    ];
  if (pds.length <= pdLimits.pds) return [];
  return [
    errorFinding(
      'SDF502',
      `too many protection domains (${pds.length}) defined. Maximum is ${pdLimits.pds}.`,
      { hint: 'put components together', place: pds[pdLimits.pds]?.place },
    ),
  ];
}

function checkNames(pds: readonly ProtectionDomain[]): Diagnostic[] {
  const twice = duplicates(pds, ({ name }) => name).map(({ again }) =>
    errorFinding('SDF503', `duplicate protection domain name '${again.name}'.`, {
      hint: 'rename one of them',
      place: again.place,
    }),
  );
  const reserved = pds
    .filter(({ name }) => name === 'monitor')
    .map(({ place }) =>
      errorFinding('SDF504', `the PD name 'monitor' is reserved for the Microkit Monitor.`, {
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

function checkPd(pd: ProtectionDomain, target: CheckTarget): Diagnostic[] {
  const { name, programImage, place } = pd;
  const empty =
    programImage === ''
      ? [
          errorFinding('SDF510', `program image of protection domain '${name}' has an empty path`, {
            hint: `use '${name.toLowerCase()}.elf'`,
            place,
          }),
        ]
      : [];
  return [
    ...checkScheduling('protection_domain', name, pd, place),
    ...checkStack(pd),
    ...checkCore(pd, target),
    ...checkSmc(pd, target),
    ...empty,
    ...checkCharacters(`program image of protection domain '${name}'`, programImage, place),
  ];
}

function checkStack({ name, stackSize, place }: ProtectionDomain): Diagnostic[] {
  if (stackSize === undefined) return [];
  const { minStackBytes: low, maxStackBytes: high } = pdLimits;
  const extra = { hint: `use ${hex(pdLimits.defaultStackBytes)}, the default`, place };
  const has = `('${name}' has ${hex(stackSize)})`;
  if (stackSize < low || stackSize > high)
    return [
      errorFinding(
        'SDF508',
        `stack size must be between ${hex(low)} bytes and ${hex(high)} bytes on element 'protection_domain' ${has}`,
        extra,
      ),
    ];
  if (stackSize % regionLimits.pageBytes === 0n) return [];
  return [
    errorFinding(
      'SDF517',
      `stack size must be aligned to the smallest page size, ${regionLimits.pageBytes} bytes on element 'protection_domain' ${has}`,
      extra,
    ),
  ];
}

function checkCore({ name, cpu, place }: ProtectionDomain, { cores }: CheckTarget): Diagnostic[] {
  const end = cores ?? pdLimits.cpus;
  if (cpu === undefined || isIntegerBelow(cpu, end)) return [];
  return [
    errorFinding(
      'SDF509',
      `cpu core must be less than ${end}, got ${cpu} on element 'protection_domain' ('${name}')`,
      { hint: 'use a core that kernel and board have; multicore kernels are the smp- configurations', place },
    ),
  ];
}

function checkSmc({ name, smc, place }: ProtectionDomain, target: CheckTarget): Diagnostic[] {
  if (smc !== true) return [];
  if (target.arch !== 'aarch64')
    return [
      errorFinding(
        'SDF518',
        `ARM SMC forwarding support is not available for this architecture (${target.arch}, wanted by '${name}')`,
        { hint: 'leave smc out', place },
      ),
    ];
  if (target.forwardsSmc !== false) return [];
  return [
    errorFinding(
      'SDF518',
      `Using SMC support without ARM SMC forwarding support enabled in the kernel for this platform on element 'protection_domain' ('${name}')`,
      { hint: 'leave smc out, or use an SDK whose kernel allows SMC calls', place },
    ),
  ];
}

function checkChildren(parent: ProtectionDomain): Diagnostic[] {
  const vcpus = new Set(parent.virtualMachine?.vcpus.map(({ id }) => id));
  const ids = parent.children.flatMap((child) =>
    child.childId === undefined ? [] : [{ id: child.childId, child }],
  );
  return [
    ...duplicates(ids, ({ id }) => id).map(({ first, again }) =>
      errorFinding(
        'SDF511',
        `duplicate id: ${again.id} in protection domain: '${parent.name}' (used by '${first.child.name}' and '${again.child.name}')`,
        { hint: 'leave one of the ids out', place: again.child.place },
      ),
    ),
    ...ids
      .filter(({ id }) => vcpus.has(id))
      .map(({ id, child }) =>
        errorFinding(
          'SDF512',
          `duplicate id: ${id} clashes with virtual machine vcpu id in protection domain: '${parent.name}' (child '${child.name}')`,
          { hint: 'give the child another id', place: child.place },
        ),
      ),
    ...ids
      .filter(({ id }) => !isIntegerBelow(id, pdLimits.ids))
      .map(({ id, child }) =>
        errorFinding(
          'SDF519',
          `id of child '${child.name}' of '${parent.name}' must be < ${pdLimits.ids} (it is ${id}; the Microkit tool accepts it, and from 64 on it takes a virtual machine's slot)`,
          { hint: 'number children from 0', place: child.place },
        ),
      ),
  ];
}
