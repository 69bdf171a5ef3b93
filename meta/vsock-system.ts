// SPDX-License-Identifier: BSD-2-Clause
// The system that vmbuild ships: Linux guests on seL4 that talk over virtio sockets, with their consoles on one serial
// port. It replaces the metaprogram of libvmm's virtio-socket example and reads like it.

import { SystemBuilder } from './builder.ts';
import type { ComponentConfig } from './config/component.ts';
import type { Diagnostic } from './diagnostic.ts';
import { findNode } from './fdt/node.ts';
import type { DeviceTree } from './fdt/parse.ts';
import { checkGuestLayout, type GuestLayout } from './guest.ts';
import type { Architecture, SystemDescription } from './model.ts';
import type { DriverConfig } from './sddf/driver-config.ts';
import { connectSerial } from './sddf/serial.ts';
import type { Paddr } from './units.ts';
import { connectVmm } from './vmm.ts';
import { connectVsock } from './vsock.ts';

export interface VsockSystemOptions {
  /** What the system needs of a board; `boards/` gives it. */
  readonly board: {
    readonly arch: Architecture;
    readonly paddrTop: Paddr;
    readonly paddrBottom: Paddr;
    readonly serial: { readonly node: string; readonly driver: DriverConfig };
  };
  /** The board's parsed device tree. */
  readonly tree: DeviceTree;
  /** One entry per VMM. */
  readonly guests: readonly GuestLayout[];
  /** Bytes of one vsock region; default 0x11000. */
  readonly ringBytes?: bigint;
}

/** The part of a guest in the test protocol. */
export interface VsockRole {
  readonly role: 'recv' | 'send';
  readonly peerCid: number;
}

export interface VsockGuest {
  /** The VMM's protection domain, e.g. `CLIENT_VMM0`. */
  readonly pd: string;
  readonly vm: string;
  /** The VMM's program, e.g. `client_vmm0.elf`. */
  readonly programImage: string;
  readonly layout: GuestLayout;
  readonly cid: number;
  /** VMMs are paired, 0 with 1, 2 with 3: receiver and sender. A last one without a pair has none. */
  readonly role: VsockRole | undefined;
}

export interface VsockSystem {
  /** For `renderSdf`. */
  readonly system: SystemDescription;
  readonly configs: readonly ComponentConfig[];
  readonly guests: readonly VsockGuest[];
  readonly warnings: readonly Diagnostic[];
}

const firstCid = 3;
const firstPriority = 100;
/** Programs built with UBSan use more stack than Microkit's default. */
const vmmStackBytes = 0x4000n;
const virtStackBytes = 0x3000n;

/** Describes and checks the system; throws one Refusal with everything that is wrong. */
export function describeVsockSystem(options: VsockSystemOptions): VsockSystem {
  const { board, tree } = options;
  const sdf = new SystemBuilder(board);
  const guests = options.guests.map((layout, i) => describeGuest(layout, i, options.guests.length));
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
  const driver = sdf.addPd({ name: 'serial_driver', programImage: 'serial_driver.elf', priority: 200 });
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
    driver,
    virtTx,
    virtRx,
    clients: vmms,
  });

  return { ...sdf.build(), configs: [...vmmConfigs, ...vsock, ...serial], guests };
}

function describeGuest(layout: GuestLayout, index: number, count: number): VsockGuest {
  const isReceiver = index % 2 === 0;
  const peer = isReceiver ? index + 1 : index - 1;
  return {
    pd: `CLIENT_VMM${index}`,
    vm: `client_linux${index}`,
    programImage: `client_vmm${index}.elf`,
    layout,
    cid: firstCid + index,
    role: peer < count ? { role: isReceiver ? 'recv' : 'send', peerCid: firstCid + peer } : undefined,
  };
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
