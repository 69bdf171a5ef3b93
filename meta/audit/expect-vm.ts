// SPDX-License-Identifier: BSD-2-Clause
// A virtual machine: one address space of guest physical addresses, and per virtual processor a thread that its VMM starts
// and whose faults it gets. On x86 the VMM's own thread runs the guest.

import { pdLimits } from '../limits.ts';
import type { ProtectionDomain, Vcpu, VirtualMachine } from '../model.ts';
import { type Because, because } from './because.ts';
import type { Expectation } from './expect.ts';
import { mappedRange, plainMemory } from './expect-memory.ts';
import {
  cnodeCap,
  endpointCap,
  ipcBufferCap,
  makeObject,
  makeRoot,
  makeSchedContext,
  plainCap,
  rootName,
} from './expect-thread.ts';
import type { ExpectedObject, ExpectedSpace } from './expected.ts';
import { badge, pdSlot, sizes, tcbSlot } from './microkit.ts';

export interface VcpuObjects {
  readonly id: number;
  readonly tcb: ExpectedObject;
}

interface Vmm {
  readonly tcb: ExpectedObject;
  readonly cnode: ExpectedObject;
  readonly endpoint: ExpectedObject | undefined;
}

export function expectVm(expectation: Expectation, pd: ProtectionDomain, vmm: Vmm): VcpuObjects[] {
  const vm = pd.virtualMachine;
  if (vm === undefined) return [];
  const isX86 = expectation.system.arch === 'x86_64';
  const root = expectRoot(expectation, pd, vm, isX86);
  if (!isX86)
    return vm.vcpus.map((vcpu, index) => expectVcpu(expectation, pd, vm, { vcpu, index, root, vmm }));
  for (const vcpu of vm.vcpus) {
    const why = because('virtual machine', `vcpu ${vcpu.id} of '${vm.name}'`, vcpu.place ?? vm.place);
    const object = expectation.add(
      makeObject('VCpu', `vcpu_${vm.name}_${vcpu.id}`, { owner: vm.name, because: why }),
    );
    vmm.tcb.slots.set(tcbSlot.vcpu, plainCap('VCpu', object));
    vmm.tcb.slots.set(tcbSlot.eptRoot, plainCap('PageTable', root));
    vmm.cnode.slots.set(pdSlot.vcpus + vcpu.id, plainCap('VCpu', object));
  }
  return [];
}

function expectRoot(
  { shape, memories, add, system }: Expectation,
  pd: ProtectionDomain,
  vm: VirtualMachine,
  ept: boolean,
): ExpectedObject {
  const space: ExpectedSpace = {
    holder: `virtual machine '${vm.name}'`,
    owner: vm.name,
    kind: ept ? 'ept' : 'vspace',
    ranges: vm.maps.map((map) =>
      mappedRange(map, { memories, owner: `virtual machine '${vm.name}'`, place: vm.place ?? pd.place }),
    ),
  };
  return add(
    makeRoot(
      rootName(shape.rootLevel, vm.name, system.arch),
      {
        owner: vm.name,
        because: because('virtual machine', `address space of virtual machine '${vm.name}'`, vm.place),
        rootLevel: shape.rootLevel,
        ept,
      },
      space,
    ),
  );
}

function expectVcpu(
  { memories, add }: Expectation,
  pd: ProtectionDomain,
  vm: VirtualMachine,
  { vcpu, index, root, vmm }: { vcpu: Vcpu; index: number; root: ExpectedObject; vmm: Vmm },
): VcpuObjects {
  const id = `${vm.name}_${vcpu.id}`;
  const owner = vm.name;
  const place = vcpu.place ?? vm.place ?? pd.place;
  const line = (what: string): Because =>
    because('virtual machine', `${what} vcpu ${vcpu.id} of '${vm.name}'`, place);
  const of = (what: string) => ({ owner, because: line(what) });
  const buffer = memories.add(
    plainMemory({
      name: `IPC buffer of vcpu ${vcpu.id} of '${vm.name}'`,
      owner,
      sizeBytes: sizes.pageBytes,
      frameName: `frame_ipcbuf_${id}`,
      isNumbered: false,
      because: line('IPC buffer of'),
    }),
  );
  const cnode = add(
    makeObject('CNode', `cnode_${id}`, of('empty capability space of'), { sizeBits: sizes.cnodeBits }),
  );
  const budget = BigInt(vm.budget ?? pdLimits.defaultBudgetUs);
  const schedContext = add(
    makeSchedContext(id, of('time of'), {
      budget,
      period: vm.period === undefined ? budget : BigInt(vm.period),
      badge: badge.schedContext + BigInt(index),
    }),
  );
  const object = add(makeObject('VCpu', `vcpu_${id}`, of('')));
  const priority = BigInt(vm.priority ?? 0);
  const tcb = add(
    makeObject('Tcb', `tcb_${id}`, of('thread of'), {
      // The guest's thread has a buffer only because the initialiser wants one.
      ipcBuffer: 0n,
      affinity: BigInt(vcpu.cpu ?? pd.cpu ?? 0),
      priority,
      maxPriority: priority,
      fpuDisabled: false,
      resume: false,
      domain: undefined,
      ip: 0n,
      sp: 0n,
      registers: '',
      masterFaultEndpoint: undefined,
    }),
  );
  tcb.slots.set(tcbSlot.cspace, cnodeCap(cnode, sizes.capAddressBits - sizes.cnodeBits));
  tcb.slots.set(tcbSlot.vspace, plainCap('PageTable', root));
  tcb.slots.set(
    tcbSlot.ipcBuffer,
    ipcBufferCap({ ...makeObject('Frame', `frame_ipcbuf_${id}`, of('IPC buffer of')), memory: buffer }),
  );
  if (vmm.endpoint !== undefined)
    tcb.slots.set(
      tcbSlot.faultEndpoint,
      endpointCap(vmm.endpoint, badge.fault | BigInt(vcpu.id), line(`'${pd.name}' handles the faults of`)),
    );
  tcb.slots.set(tcbSlot.schedContext, plainCap('SchedContext', schedContext));
  tcb.slots.set(tcbSlot.vcpu, plainCap('VCpu', object));
  vmm.cnode.slots.set(pdSlot.vcpus + vcpu.id, plainCap('VCpu', object, line(`'${pd.name}' runs`)));
  vmm.cnode.slots.set(
    pdSlot.vcpuTcbs + vcpu.id,
    plainCap('Tcb', tcb, line(`'${pd.name}' controls the thread of`)),
  );
  return { id: vcpu.id, tcb };
}
