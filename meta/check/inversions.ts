// SPDX-License-Identifier: BSD-2-Clause
// Priorities that work against what the system is for. Microkit checks those of protected calls only; these warnings are
// about who answers for whom: a parent for its children's faults, a monitor for its guest, a passive server for callers.

import type { Diagnostic } from '../diagnostic.ts';
import { warningFinding } from '../finding.ts';
import { allPds, type ProtectionDomain, type SystemDescription } from '../model.ts';

export function checkInversions(system: SystemDescription): Diagnostic[] {
  const pds = allPds(system.protectionDomains);
  const called = new Set(
    system.channels.flatMap(({ a, b }) => [
      ...(a.pp === true ? [b.pd] : []),
      ...(b.pp === true ? [a.pd] : []),
    ]),
  );
  return [
    ...pds.flatMap(checkChildren),
    ...pds.flatMap(checkGuest),
    ...pds.flatMap((pd) => checkPassive(pd, called)),
  ];
}

const priorityOf = ({ priority = 0 }: { readonly priority?: number }): number => priority;

const checkChildren = (parent: ProtectionDomain): Diagnostic[] =>
  parent.children
    .filter((child) => priorityOf(child) > priorityOf(parent))
    .map((child) =>
      warningFinding(
        'SDF520',
        `child '${child.name}' has priority ${priorityOf(child)}, its parent '${parent.name}' has ${priorityOf(parent)}: a child that runs on keeps its parent from ever stopping it`,
        {
          hint: `raise the priority of '${parent.name}' to ${priorityOf(child)} or more`,
          place: child.place,
        },
      ),
    );

function checkGuest({ name, priority = 0, virtualMachine: vm, place }: ProtectionDomain): Diagnostic[] {
  if (vm === undefined || priorityOf(vm) < priority || (priorityOf(vm) === 0 && priority === 0)) return [];
  return [
    warningFinding(
      'SDF610',
      `virtual machine '${vm.name}' has priority ${priorityOf(vm)}, its monitor '${name}' has ${priority}: a busy guest keeps it from handling interrupts`,
      { hint: `give '${name}' a priority above ${priorityOf(vm)}`, place: vm.place ?? place },
    ),
  ];
}

/** A passive protection domain has no time of its own after init(): it runs on its callers', or is woken by notifications. */
function checkPassive(pd: ProtectionDomain, called: ReadonlySet<string>): Diagnostic[] {
  const { name, passive, budget, place, children, virtualMachine, irqs } = pd;
  if (passive !== true) return [];
  const found: Diagnostic[] = [];
  if (!called.has(name) && children.length === 0 && virtualMachine === undefined)
    found.push(
      warningFinding(
        'SDF521',
        `'${name}' is passive, but nobody makes protected calls to it${irqs.length > 0 ? ` and its ${irqs.length} interrupts bring no time` : ''}`,
        { hint: 'set pp on the end of who calls it, or leave passive out', place },
      ),
    );
  if (budget !== undefined)
    found.push(
      warningFinding(
        'SDF522',
        `'${name}' is passive: its budget of ${budget} us lasts for init() only, after that its callers pay`,
        { hint: 'leave budget and period out', place },
      ),
    );
  return found;
}
