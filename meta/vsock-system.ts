// SPDX-License-Identifier: BSD-2-Clause
// The system that vmbuild ships: Linux guests on seL4 that talk over virtio sockets, with their consoles on one serial
// port and a timer that wakes them when they are idle. It replaces the metaprogram of libvmm's virtio-socket example and reads like it.

import { SystemBuilder } from './builder.ts';
import type { ComponentConfig } from './config/component.ts';
import type { Diagnostic } from './diagnostic.ts';
import { findNode } from './fdt/node.ts';
import type { DeviceTree } from './fdt/parse.ts';
import { checkGuestLayout, type GuestLayout } from './guest.ts';
import { addHeartbeat, isCounterReadable } from './heartbeat.ts';
import type { Architecture, SystemDescription } from './model.ts';
import type { DriverConfig } from './sddf/driver-config.ts';
import { connectSerial } from './sddf/serial.ts';
import { connectTimer } from './sddf/timer.ts';
import type { Paddr } from './units.ts';
import { connectVmm } from './vmm.ts';
import { connectVsock } from './vsock.ts';
import { type VsockGuestPlan, vsockGuests } from './vsock-guests.ts';

export interface VsockSystemOptions {
  /** What the system needs of a board; `boards/` gives it. */
  readonly board: {
    readonly arch: Architecture;
    readonly paddrTop: Paddr;
    readonly paddrBottom: Paddr;
    readonly serial: { readonly node: string; readonly driver: DriverConfig };
    readonly timer: { readonly node: string; readonly driver: DriverConfig };
  };
  /** The board's parsed device tree. */
  readonly tree: DeviceTree;
  /** One entry per VMM. */
  readonly guests: readonly GuestLayout[];
  /** Bytes of one vsock region; default 0x21000. */
  readonly ringBytes?: bigint;
}

export interface VsockGuest extends VsockGuestPlan {
  readonly layout: GuestLayout;
}

export interface VsockSystem {
  /** For `renderSdf`. */
  readonly system: SystemDescription;
  readonly configs: readonly ComponentConfig[];
  readonly guests: readonly VsockGuest[];
  readonly warnings: readonly Diagnostic[];
}

const firstPriority = 100;
/** As in sDDF's examples: above everyone who may call it. */
const timerPriority = 254;
/** Programs built with UBSan use more stack than Microkit's default. */
const vmmStackBytes = 0x4000n;
const virtStackBytes = 0x3000n;

/** Describes and checks the system; throws one Refusal with everything that is wrong. */
export function describeVsockSystem(options: VsockSystemOptions): VsockSystem {
  const { board, tree } = options;
  const sdf = new SystemBuilder(board);
  const plans = vsockGuests(options.guests.length);
  const guests = options.guests.map((layout, i): VsockGuest => ({ ...at(plans, i), layout }));
  for (const [layout, users] of groupByLayout(guests))
    for (const finding of checkGuestLayout(layout, `the guest of ${users.join(', ')}`)) sdf.report(finding);

  const vmms = guests.map((guest, i) =>
    sdf.addPd({
      name: guest.pd,
      programImage: guest.programImage,
      priority: firstPriority - i,
      stackSize: vmmStackBytes,
    }),
  );
  const serialDriver = sdf.addPd({ name: 'serial_driver', programImage: 'serial_driver.elf', priority: 200 });
  const virtTx = sdf.addPd({
    name: 'serial_virt_tx',
    programImage: 'serial_virt_tx.elf',
    priority: 199,
    stackSize: virtStackBytes,
  });
  const virtRx = sdf.addPd({
    name: 'serial_virt_rx',
    programImage: 'serial_virt_rx.elf',
    priority: 199,
    stackSize: virtStackBytes,
  });
  const timerDriver = sdf.addPd({
    name: 'timer_driver',
    programImage: 'timer_driver.elf',
    priority: timerPriority,
  });

  const members = vmms.map((pd, i) => ({ pd, guest: at(guests, i) }));
  const vsock = connectVsock(sdf, {
    members: members.map(({ pd, guest }) => ({ pd, cid: guest.cid, node: guest.layout.vsock })),
    ...(options.ringBytes === undefined ? {} : { ringBytes: options.ringBytes }),
  });
  const vmmConfigs = members.flatMap(({ pd, guest }) =>
    connectVmm(sdf, {
      pd,
      vm: { name: guest.vm, vcpus: [{ id: 0 }] },
      guest: guest.layout,
      virtioDevices: [{ kind: 'console', node: guest.layout.console }],
    }),
  );
  const serial = connectSerial(sdf, {
    device: { at: findNode(tree, board.serial.node), drivers: [board.serial.driver] },
    driver: serialDriver,
    virtTx,
    virtRx,
    clients: vmms,
  });
  const timer = connectTimer(sdf, {
    device: { at: findNode(tree, board.timer.node), drivers: [board.timer.driver] },
    driver: timerDriver,
    clients: vmms,
  });
  const heartbeat = addHeartbeat(sdf, {
    priority: timerPriority - 1,
    listeners: vmms,
    isFast: !isCounterReadable(board),
  });

  return { ...sdf.build(), configs: [...vmmConfigs, ...vsock, ...serial, ...timer, ...heartbeat], guests };
}

/** Guests mostly share one layout: its faults are to be said once. */
function groupByLayout(guests: readonly VsockGuest[]): Map<GuestLayout, string[]> {
  const users = new Map<GuestLayout, string[]>();
  for (const { layout, pd } of guests) users.set(layout, [...(users.get(layout) ?? []), `'${pd}'`]);
  return users;
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index} of ${items.length}`);
  return item;
}
