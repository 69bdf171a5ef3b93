// SPDX-License-Identifier: BSD-2-Clause
// One protection domain: its thread, address space, capability space and what Microkit's library finds there, and below it
// the virtual machine, if it has one.

import { pdLimits } from '../limits.ts';
import type { ProtectionDomain } from '../model.ts';
import { type Because, because } from './because.ts';
import type { Expectation } from './expect.ts';
import { expectIrq, expectIoPort } from './expect-irq.ts';
import { mappedRange, plainMemory, plainRange, programRanges } from './expect-memory.ts';
import type { MonitorObjects } from './expect-monitor.ts';
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
import { expectVm, type VcpuObjects } from './expect-vm.ts';
import { anyValue, type ExpectedObject, type ExpectedRange, type ExpectedSpace } from './expected.ts';
import { badge, pdSlot, sizes, tcbSlot } from './microkit.ts';

export interface PdObjects {
  readonly pd: ProtectionDomain;
  /** In the order of all protection domains, parents before children. */
  readonly index: number;
  readonly tcb: ExpectedObject;
  readonly vspace: ExpectedObject;
  readonly schedContext: ExpectedObject;
  readonly notification: ExpectedObject;
  /** Who receives calls or faults has one. */
  readonly endpoint: ExpectedObject | undefined;
  readonly cnode: ExpectedObject;
  readonly rootCnode: ExpectedObject;
  readonly vcpus: readonly VcpuObjects[];
}

export function expectPd(
  expectation: Expectation,
  pd: ProtectionDomain,
  { index, smc }: { index: number; smc: ExpectedObject | undefined },
): PdObjects {
  const { name, place } = pd;
  const { shape, add, options, system } = expectation;
  const rule = (what: string): Because =>
    because('microkit', `${what} of protection domain '${name}'`, place);
  const of = (what: string) => ({ owner: name, because: rule(what) });
  const own = because('protection domain', `protection domain '${name}'`, place);

  const { space, buffer } = expectSpace(expectation, pd, index);
  const vspace = add(
    makeRoot(
      rootName(shape.rootLevel, name, system.arch),
      { ...of('address space'), rootLevel: shape.rootLevel },
      space,
    ),
  );
  const budget = BigInt(pd.budget ?? pdLimits.defaultBudgetUs);
  const schedContext = add(
    makeSchedContext(
      name,
      { owner: name, because: own },
      {
        budget,
        period: pd.period === undefined ? budget : BigInt(pd.period),
        badge: badge.schedContext + BigInt(index),
      },
    ),
  );
  const notification = add(makeObject('Notification', `ntfn_${name}`, of('notification')));
  const endpoint = needsEndpoint(pd, expectation)
    ? add(makeObject('Endpoint', `ep_${name}`, of('endpoint for calls and faults')))
    : undefined;
  const reply = add(makeObject('Reply', `reply_${name}`, of('reply object')));
  const cnode = add(
    makeObject('CNode', `cnode_${name}`, of('capability space'), { sizeBits: sizes.cnodeBits }),
  );
  const rootCnode = add(
    makeObject('CNode', `cnode_${name}_root`, of('root of the capability space'), {
      sizeBits: sizes.rootCnodeBits,
    }),
  );
  const priority = BigInt(pd.priority ?? 0);
  const domain = pd.domain === undefined ? undefined : expectation.domainNumbers.get(pd.domain);
  const tcb = add(
    makeObject(
      'Tcb',
      `tcb_${name}`,
      { owner: name, because: own },
      {
        ipcBuffer: shape.ipcBuffer,
        affinity: BigInt(pd.cpu ?? 0),
        priority,
        maxPriority: priority,
        fpuDisabled: pd.fpu === false,
        resume: true,
        domain: domain === undefined ? undefined : BigInt(domain),
        ip: options.programs?.get(name)?.entry ?? anyValue,
        sp: shape.ipcBuffer - sizes.pageBytes,
        registers: '',
        masterFaultEndpoint: undefined,
      },
    ),
  );

  const unbadged = notificationCap(notification, 0n, rule('notification'));
  tcb.slots.set(tcbSlot.cspace, cnodeCap(rootCnode, 0n));
  tcb.slots.set(tcbSlot.vspace, plainCap('PageTable', vspace));
  tcb.slots.set(tcbSlot.ipcBuffer, ipcBufferCap(buffer));
  tcb.slots.set(tcbSlot.schedContext, plainCap('SchedContext', schedContext, rule('scheduling context')));
  tcb.slots.set(tcbSlot.notification, unbadged);
  rootCnode.slots.set(0, cnodeCap(cnode, sizes.capAddressBits - sizes.cnodeBits - sizes.rootCnodeBits));
  cnode.slots.set(
    pdSlot.input,
    endpoint === undefined ? unbadged : endpointCap(endpoint, 0n, rule('endpoint for calls and faults')),
  );
  cnode.slots.set(
    pdSlot.vspace,
    plainCap('PageTable', vspace, rule('own address space, for cache operations,')),
  );
  cnode.slots.set(pdSlot.reply, plainCap('Reply', reply));
  if (options.config === 'benchmark')
    cnode.slots.set(pdSlot.tcb, plainCap('Tcb', tcb, rule('own thread, in the benchmark configuration,')));
  if (pd.smc === true && smc !== undefined)
    cnode.slots.set(
      pdSlot.smc,
      plainCap('ArmSmc', smc, because('protection domain', `smc of protection domain '${name}'`, place)),
    );
  for (const irq of pd.irqs) expectIrq(expectation, pd, irq, { cnode, notification });
  for (const port of pd.ioPorts ?? []) expectIoPort(expectation, pd, port, cnode);
  const vcpus = expectVm(expectation, pd, { tcb, cnode, endpoint });
  return { pd, index, tcb, vspace, schedContext, notification, endpoint, cnode, rootCnode, vcpus };
}

/** Faults go to the parent, or to the monitor; a parent also gets the child's thread. */
export function bindFaults(
  pds: readonly ProtectionDomain[],
  made: ReadonlyMap<string, PdObjects>,
  monitor: MonitorObjects,
  parent?: PdObjects,
): void {
  for (const pd of pds) {
    const own = made.get(pd.name);
    if (own === undefined) continue;
    const { name, place } = pd;
    const id = pd.childId ?? 0;
    const endpoint = parent?.endpoint ?? monitor.endpoint;
    const why =
      parent === undefined
        ? because('microkit', `the monitor's fault endpoint, for '${name}'`, place)
        : because(
            'protection domain',
            `'${parent.pd.name}' handles the faults of its child '${name}' (id ${id})`,
            place,
          );
    const faults = endpointCap(
      endpoint,
      parent === undefined ? BigInt(own.index + 1) : badge.fault | BigInt(id),
      why,
    );
    own.cnode.slots.set(pdSlot.faultEndpoint, faults);
    own.tcb.slots.set(tcbSlot.faultEndpoint, faults);
    if (pd.passive === true)
      own.cnode.slots.set(
        pdSlot.monitorEndpoint,
        endpointCap(
          monitor.endpoint,
          BigInt(own.index + 1),
          because('protection domain', `passive: '${name}' tells the monitor that it is ready`, place),
        ),
      );
    parent?.cnode.slots.set(
      pdSlot.childTcbs + id,
      plainCap(
        'Tcb',
        own.tcb,
        because('protection domain', `'${parent.pd.name}' controls its child '${name}' (id ${id})`, place),
      ),
    );
    bindFaults(pd.children, made, monitor, own);
  }
}

/** What the user put into slots of their own choice. */
export function grantCspace(pd: ProtectionDomain, made: ReadonlyMap<string, PdObjects>): void {
  for (const { kind, slot, pd: target, place } of pd.cspace ?? []) {
    const objects = made.get(target);
    if (objects === undefined) continue;
    const why = because('cspace', `cap_${kind} of '${target}' in slot ${slot} of '${pd.name}'`, place);
    const cap = {
      tcb: plainCap('Tcb', objects.tcb, why),
      sc: plainCap('SchedContext', objects.schedContext, why),
      vspace: plainCap('PageTable', objects.vspace, why),
    }[kind];
    made.get(pd.name)?.rootCnode.slots.set(slot, cap);
  }
}

const needsEndpoint = (pd: ProtectionDomain, { system }: Expectation): boolean =>
  pd.children.length > 0 ||
  pd.virtualMachine !== undefined ||
  system.channels.some(
    ({ a, b }) => (a.pp === true && b.pd === pd.name) || (b.pp === true && a.pd === pd.name),
  );

function expectSpace(
  { shape, memories, options }: Expectation,
  pd: ProtectionDomain,
  index: number,
): { space: ExpectedSpace; buffer: ExpectedObject } {
  const { name, place } = pd;
  const owner = name;
  const program = options.programs?.get(name);
  const why = because('program', `'${pd.programImage}' of protection domain '${name}'`, place);
  const rule = (what: string): Because =>
    because('microkit', `${what} of protection domain '${name}'`, place);
  const stackBytes = pd.stackSize ?? pdLimits.defaultStackBytes;
  const stack = memories.add(
    plainMemory({
      name: `stack of '${name}'`,
      owner,
      sizeBytes: stackBytes,
      frameName: `frame_${name}_stack`,
      isNumbered: true,
      because: rule('stack'),
    }),
  );
  const buffer = memories.add(
    plainMemory({
      name: `IPC buffer of '${name}'`,
      owner,
      sizeBytes: sizes.pageBytes,
      frameName: `frame_ipcbuf_${name}`,
      isNumbered: false,
      because: rule('IPC buffer'),
    }),
  );
  const ranges: ExpectedRange[] = [
    ...(program === undefined ? [] : programRanges(program, { owner, elf: index, why, add: memories.add })),
    ...pd.maps.map((map) => mappedRange(map, { memories, owner: `protection domain '${name}'`, place })),
    plainRange(stack, shape.ipcBuffer - sizes.pageBytes - stackBytes),
    plainRange(buffer, shape.ipcBuffer),
  ];
  return {
    space: {
      holder: `protection domain '${name}'`,
      owner,
      kind: 'vspace',
      ranges,
      ...(program === undefined
        ? { unknownProgram: { elf: index, because: { ...why, text: `program ${why.text}` } } }
        : {}),
    },
    buffer: {
      ...makeObject('Frame', `frame_ipcbuf_${name}`, { owner, because: rule('IPC buffer') }),
      memory: buffer,
    },
  };
}
