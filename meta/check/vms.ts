// SPDX-License-Identifier: BSD-2-Clause
// Rules of virtual machines.

import type { Diagnostic } from '../diagnostic.ts';
import { errorFinding, warningFinding } from '../finding.ts';
import { pdLimits } from '../limits.ts';
import { allPds, type ProtectionDomain, type SystemDescription, type VirtualMachine } from '../model.ts';
import { duplicates } from './duplicates.ts';
import { checkName } from './names.ts';
import { checkScheduling, isIntegerBelow } from './scheduling.ts';
import type { CheckTarget } from './target.ts';

export function checkVms(system: SystemDescription, target: CheckTarget): Diagnostic[] {
  const pds = allPds(system.protectionDomains);
  const vms = pds.flatMap(({ virtualMachine }) => (virtualMachine === undefined ? [] : [virtualMachine]));
  const pdNames = new Set(pds.map(({ name }) => name));
  const twice = duplicates(vms, ({ name }) => name).map(({ again }) =>
    errorFinding('SDF601', `duplicate virtual machine name '${again.name}'.`, {
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
        { hint: `call it '${name}_linux'`, place },
      ),
    );
  return [
    ...pds.flatMap((pd) => checkMonitor(pd, target)),
    ...twice,
    ...clashes,
    ...vms.flatMap((vm) => checkVm(vm, target)),
  ];
}

/** Whether the protection domain may have its virtual machine at all. */
function checkMonitor(pd: ProtectionDomain, { isHypervisor, arch }: CheckTarget): Diagnostic[] {
  const { name, virtualMachine: vm, children, place } = pd;
  if (vm === undefined) return [];
  if (!isHypervisor)
    return [
      errorFinding(
        'SDF608',
        `seL4 has not been built as a hypervisor, virtual machines are disabled on element 'protection_domain' ('${name}', ${arch})`,
        { hint: 'use a kernel with hypervisor support', place },
      ),
    ];
  if (arch !== 'x86_64' || children.length === 0) return [];
  return [
    errorFinding(
      'SDF609',
      `It is not possible for PD '${name}' with a bound vCPU to have children on x86_64`,
      { hint: 'make them root protection domains', place },
    ),
  ];
}

function checkVm(vm: VirtualMachine, target: CheckTarget): Diagnostic[] {
  const { name, vcpus, place } = vm;
  const found = [
    ...checkName('virtual machine', name, place),
    ...checkScheduling('virtual_machine', name, vm, place),
  ];
  if (vcpus.length === 0)
    found.push(
      errorFinding('SDF603', `missing 'vcpu' element on virtual_machine: '${name}'`, {
        hint: 'add vCPU 0',
        place,
      }),
    );
  if (target.arch === 'x86_64' && vcpus.length > 1)
    found.push(
      errorFinding('SDF612', `virtual machine '${name}' has ${vcpus.length} vCPUs; on x86_64 it takes one`, {
        hint: 'leave one',
        place: vcpus[1]?.place ?? place,
      }),
    );
  return [...found, ...checkVcpus(vm, target), ...checkAttributes(vm, target)];
}

function checkVcpus({ name, vcpus, place }: VirtualMachine, { cores }: CheckTarget): Diagnostic[] {
  const coresEnd = cores ?? pdLimits.cpus;
  const found = duplicates(vcpus, ({ id }) => id).map(({ again }) =>
    errorFinding('SDF604', `duplicate vcpu id ${again.id} in virtual machine '${name}'`, {
      hint: 'number them from 0',
      place: again.place ?? place,
    }),
  );
  for (const vcpu of vcpus) {
    const { id, cpu, setvarId } = vcpu;
    const at = vcpu.place ?? place;
    if (!isIntegerBelow(id, pdLimits.ids))
      found.push(
        errorFinding(
          'SDF605',
          `id must be ${id < 0 ? '>= 0' : `< ${pdLimits.ids}`} on element 'vcpu' (${id} of '${name}')`,
          { hint: 'number them from 0', place: at },
        ),
      );
    if (cpu !== undefined && !isIntegerBelow(cpu, coresEnd))
      found.push(
        errorFinding(
          'SDF606',
          `cpu core must be less than ${coresEnd}, got ${cpu} on element 'vcpu' (${id} of '${name}')`,
          { hint: 'use a core that kernel and board have', place: at },
        ),
      );
    if (setvarId !== undefined)
      found.push(
        warningFinding(
          'SDF613',
          `setvar_id '${setvarId}' of vcpu ${id} of '${name}' is ignored by Microkit 2.1 to 2.3: the symbol stays 0`,
          { hint: 'take the id from a generated header', place: at },
        ),
      );
  }
  return found;
}

function checkAttributes(vm: VirtualMachine, { arch }: CheckTarget): Diagnostic[] {
  if (arch === 'aarch64') return [];
  return (['priority', 'budget', 'period'] as const)
    .filter((attribute) => vm[attribute] !== undefined)
    .map((attribute) =>
      errorFinding(
        'SDF607',
        `invalid attribute '${attribute}' on element 'virtual_machine' ('${vm.name}': a virtual machine has it on aarch64 only, not on ${arch})`,
        { hint: 'leave it out', place: vm.place },
      ),
    );
}
