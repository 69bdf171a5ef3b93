// SPDX-License-Identifier: BSD-2-Clause
// Microkit's monitor: a thread above all others that receives the faults of root protection domains, names threads and
// makes protection domains passive. Nothing of it is in a description but whom it watches.

import type { Because } from './because.ts';
import type { Expectation } from './expect.ts';
import { plainMemory, plainRange, programRanges } from './expect-memory.ts';
import type { PdObjects } from './expect-pd.ts';
import {
  cnodeCap,
  endpointCap,
  ipcBufferCap,
  makeObject,
  makeRoot,
  makeSchedContext,
  notificationCap,
  plainCap,
  rootName,
} from './expect-thread.ts';
import { anyValue, type ExpectedObject, type ExpectedSpace } from './expected.ts';
import { monitorPriority, monitorSlot, sizes, tcbSlot } from './microkit.ts';

export interface MonitorObjects {
  readonly tcb: ExpectedObject;
  readonly cnode: ExpectedObject;
  readonly endpoint: ExpectedObject;
}

const owner = 'monitor';
const rule = (what: string): Because => ({ kind: 'microkit', text: `${what} of Microkit's monitor` });

/** `pdCount` is also the number of its program: those of the protection domains come first. */
export function expectMonitor(expectation: Expectation, pdCount: number): MonitorObjects {
  const { shape, options, memories, add, system } = expectation;
  const program = options.programs?.get(owner);
  const why = { ...rule('program'), text: "Microkit's monitor" };
  const space: ExpectedSpace = {
    holder: "Microkit's monitor",
    owner,
    kind: 'vspace',
    ranges: [],
    ...(program === undefined
      ? { unknownProgram: { elf: pdCount, because: { ...why, text: "program of Microkit's monitor" } } }
      : {}),
  };
  if (program !== undefined)
    space.ranges.push(...programRanges(program, { owner, elf: pdCount, why, add: memories.add }));
  const stackTop = shape.ipcBuffer - sizes.pageBytes;
  const stack = memories.add(
    plainMemory({
      name: 'stack of the monitor',
      owner,
      sizeBytes: sizes.monitorStackBytes,
      frameName: 'frame_monitor_stack',
      isNumbered: false,
      because: rule('stack'),
    }),
  );
  const buffer = memories.add(
    plainMemory({
      name: 'IPC buffer of the monitor',
      owner,
      sizeBytes: sizes.pageBytes,
      frameName: 'frame_ipcbuf_monitor',
      isNumbered: false,
      because: rule('IPC buffer'),
    }),
  );
  space.ranges.push(
    plainRange(stack, stackTop - sizes.monitorStackBytes),
    plainRange(buffer, shape.ipcBuffer),
  );

  const of = (what: string) => ({ owner, because: rule(what) });
  const bufferFrame: ExpectedObject = {
    ...makeObject('Frame', 'frame_ipcbuf_monitor', of('IPC buffer')),
    memory: buffer,
  };
  const endpoint = add(makeObject('Endpoint', 'ep_fault_monitor', of('fault endpoint')));
  const reply = add(makeObject('Reply', 'reply_monitor', of('reply object')));
  const schedContext = add(
    makeSchedContext('monitor', of('scheduling context'), { period: 1000n, budget: 1000n, badge: 0n }),
  );
  const cnode = add(
    makeObject('CNode', 'cnode_monitor', of('capability space'), { sizeBits: sizes.cnodeBits }),
  );
  const vspace = add(
    makeRoot(
      rootName(shape.rootLevel, owner, system.arch),
      { ...of('address space'), rootLevel: shape.rootLevel },
      space,
    ),
  );
  const tcb = add(
    makeObject('Tcb', 'tcb_monitor', of('thread'), {
      ipcBuffer: shape.ipcBuffer,
      affinity: 0n,
      priority: monitorPriority,
      maxPriority: monitorPriority,
      fpuDisabled: false,
      resume: true,
      domain: 0n,
      ip: program?.entry ?? anyValue,
      sp: stackTop,
      registers: '',
      masterFaultEndpoint: undefined,
    }),
  );
  tcb.slots.set(tcbSlot.cspace, cnodeCap(cnode, sizes.capAddressBits - sizes.cnodeBits));
  tcb.slots.set(tcbSlot.vspace, plainCap('PageTable', vspace));
  tcb.slots.set(tcbSlot.ipcBuffer, ipcBufferCap(bufferFrame));
  tcb.slots.set(tcbSlot.schedContext, plainCap('SchedContext', schedContext));
  cnode.slots.set(monitorSlot.faultEndpoint, endpointCap(endpoint, 0n, endpoint.because));
  cnode.slots.set(monitorSlot.reply, plainCap('Reply', reply));
  return { tcb, cnode, endpoint };
}

/** What the monitor holds of others: all threads, to name them, and of passive ones what they give up. */
export function bindMonitor({ cnode }: MonitorObjects, pds: readonly PdObjects[]): void {
  let vcpuCount = 0;
  for (const [index, { pd, tcb, schedContext, notification, vcpus }] of pds.entries()) {
    const why = (what: string): Because => ({ ...pdRule(pd.name, what), ...placeOf(pd) });
    cnode.slots.set(
      monitorSlot.pdTcbs + index,
      plainCap('Tcb', tcb, why('the monitor names its thread and reads its faults')),
    );
    for (const { tcb: vcpu, id } of vcpus) {
      cnode.slots.set(
        monitorSlot.vcpuTcbs + vcpuCount,
        plainCap('Tcb', vcpu, why(`the monitor names the thread of vcpu ${id}`)),
      );
      vcpuCount += 1;
    }
    if (pd.passive !== true) continue;
    cnode.slots.set(
      monitorSlot.schedContexts + index,
      plainCap('SchedContext', schedContext, why('passive: the monitor takes its scheduling context')),
    );
    cnode.slots.set(
      monitorSlot.notifications + index,
      notificationCap(notification, 0n, why('passive: the monitor lends its notification the time')),
    );
  }
}

const pdRule = (name: string, what: string): Because => ({ kind: 'microkit', text: `${what} ('${name}')` });
const placeOf = ({ place }: PdObjects['pd']) => (place === undefined ? {} : { place });
