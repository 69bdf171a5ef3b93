// SPDX-License-Identifier: BSD-2-Clause
// What the shipped system promises, beyond that it works: `vmbuild audit` proves it of every image. That the guests share
// no writable memory at all is not among it: each has the page of the interrupt controller through which its virtual
// interrupts come, one and the same, behind which the kernel puts the state of whoever runs.

import {
  cannotWrite,
  exclusive,
  noSharedMemory,
  onlyChannel,
  onlyDevice,
  type Policy,
} from './audit/policy.ts';
import { allPds, type MemoryRegion, type ProtectionDomain, type SystemDescription } from './model.ts';

export function vsockPolicies(system: SystemDescription): readonly Policy[] {
  const pds = allPds(system.protectionDomains);
  const vmms = pds.filter(({ virtualMachine }) => virtualMachine !== undefined);
  const drivers = pds.filter(({ virtualMachine }) => virtualMachine === undefined);
  return [
    ...vmms.flatMap((vmm) => policiesOfVmm(vmm, vmms)),
    ...drivers.flatMap((driver) => ownDevices(driver).map((region) => onlyDevice(driver, region))),
    // The timer answers calls and wakes its callers; the heartbeat only notifies.
    ...vmms.flatMap((vmm) =>
      drivers
        .filter(({ name }) => name === 'timer_driver' || name === 'heartbeat')
        .map((pd) => onlyChannel(pd, vmm)),
    ),
    ...vmms.flatMap((vmm) =>
      drivers.filter(({ name }) => name === 'serial_driver').map((pd) => noSharedMemory(pd, vmm)),
    ),
  ];
}

function policiesOfVmm(vmm: ProtectionDomain, vmms: readonly ProtectionDomain[]): Policy[] {
  const guest = vmm.virtualMachine;
  const others = vmms.filter((other) => other !== vmm);
  const ram = vmm.maps
    .filter(({ mr }) => guest?.maps.some((map) => map.mr === mr) === true)
    .map(({ mr }) => mr);
  // A ring belongs to whoever writes it.
  const rings = vmm.maps
    .filter(
      ({ mr, perms }) => perms === 'rw' && others.some((other) => other.maps.some((map) => map.mr === mr)),
    )
    .map(({ mr }) => mr);
  return [
    ...ram.map((region) => exclusive(region, vmm)),
    ...rings.flatMap((region) => others.map((other) => cannotWrite(other, region))),
  ];
}

const ownDevices = ({ maps }: ProtectionDomain): MemoryRegion[] =>
  maps.filter(({ mr }) => mr.paddr !== undefined).map(({ mr }) => mr);
