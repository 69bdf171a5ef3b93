// SPDX-License-Identifier: BSD-2-Clause
// Rules of virtual machines.

import type { Diagnostic } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import { pdLimits } from '../limits.ts';
import type { Architecture, ProtectionDomain, VirtualMachine } from '../model.ts';
import { duplicates } from './duplicates.ts';
import { checkName } from './names.ts';
import { checkScheduling, isIntegerBelow } from './scheduling.ts';

export function checkVms(arch: Architecture, pds: readonly ProtectionDomain[]): Diagnostic[] {
  const vms = pds.flatMap(({ virtualMachine }) => (virtualMachine === undefined ? [] : [virtualMachine]));
  const pdNames = new Set(pds.map(({ name }) => name));
  const twice = duplicates(vms, ({ name }) => name).map(({ again }) =>
    errorFinding('SDF601', `duplicate virtual machine name '${again.name}'`, {
      hint: 'rename one of them',
      place: again.place,
    }),
  );
  const clashes = vms
    .filter(({ name }) => pdNames.has(name))
    .map(({ name, place }) =>
      errorFinding(
        'SDF602',
        `virtual machine '${name}' is called like a protection domain: object names must be unique`,
        {
          hint: `call it '${name}_linux'`,
          place,
        },
      ),
    );
  return [...twice, ...clashes, ...vms.flatMap((vm) => checkVm(arch, vm))];
}

function checkVm(arch: Architecture, vm: VirtualMachine): Diagnostic[] {
  const { name, vcpus, place } = vm;
  const found = [
    ...checkName('virtual machine', name, place),
    ...checkScheduling(`virtual machine '${name}'`, vm, place),
  ];
  if (vcpus.length === 0)
    found.push(
      errorFinding('SDF603', `missing 'vcpu' element on virtual_machine: '${name}', which has 0`, {
        hint: 'add vCPU 0',
        place,
      }),
    );
  for (const { again } of duplicates(vcpus, ({ id }) => id))
    found.push(
      errorFinding('SDF604', `duplicate vcpu id ${again.id} in virtual machine '${name}'`, {
        hint: 'number them from 0',
        place,
      }),
    );
  for (const { id, cpu } of vcpus) {
    if (!isIntegerBelow(id, pdLimits.ids))
      found.push(
        errorFinding(
          'SDF605',
          `vcpu id ${id} of virtual machine '${name}' must be < ${pdLimits.ids} and >= 0`,
          { hint: 'number them from 0', place },
        ),
      );
    if (cpu !== undefined && !isIntegerBelow(cpu, pdLimits.cpus))
      found.push(
        errorFinding(
          'SDF606',
          `cpu core of vcpu ${id} of virtual machine '${name}' must be less than ${pdLimits.cpus}, got ${cpu}`,
          { hint: 'use a core that the board has', place },
        ),
      );
  }
  const scheduled = [vm.priority, vm.budget, vm.period].some((value) => value !== undefined);
  if (arch !== 'aarch64' && scheduled)
    found.push(
      errorFinding(
        'SDF607',
        `virtual machine '${name}' has a priority, budget or period, which Microkit takes on aarch64 only, not ${arch}`,
        { hint: 'leave them out', place },
      ),
    );
  return found;
}
