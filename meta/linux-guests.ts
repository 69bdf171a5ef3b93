// SPDX-License-Identifier: BSD-2-Clause
// Linux guests in a system of the user's own. Each has a protection domain that is its virtual machine monitor (VMM),
// memory, a console and a virtio socket device. Who talks to whom is the description's word: a guest is connected with
// those that `connect` names, and with nobody else.
//
// What vmbuild's VMM needs beside it (vmm/client_vmm.c) comes with the first guest, or is demanded at its line: the
// heartbeat; the serial port, on which its console lies; the timer, which wakes an idle guest.

import type { SystemBuilder } from './builder.ts';
import type { ComponentConfig } from './config/component.ts';
import { errorFinding } from './finding.ts';
import { checkGuestLayout, type GuestLayout } from './guest.ts';
import { addHeartbeatPd, connectHeartbeat, isCounterReadable } from './heartbeat.ts';
import { heartbeatLimits, vsockLimits } from './limits.ts';
import type { MemoryRegion } from './model.ts';
import type { PdBuilder } from './pd-builder.ts';
import { callSite } from './place.ts';
import type { EmbeddedGuest, OwnProgram, Program } from './program.ts';
import type { DriverConfig } from './sddf/driver-config.ts';
import { connectVmm, guestRamName } from './vmm.ts';
import { checkCid, connectPairs, vsockConfigOf, type VsockPeer } from './vsock.ts';

export interface AddLinuxOptions extends Pick<EmbeddedGuest, 'linux' | 'initrd' | 'append'> {
  /** Of the virtual machine. Its VMM is the protection domain `<name>_vmm`. */
  readonly name: string;
  /** Of the VMM; default 100. The guest itself runs when nobody else does. */
  readonly priority?: number;
  /** The guest's address at virtio sockets; default: the lowest that is free, from 3 on. */
  readonly cid?: number;
  /** What lies elsewhere in the guest than the board says, e.g. more RAM. */
  readonly layout?: Partial<Omit<GuestLayout, 'cpu' | 'gic' | 'timerPpis'>>;
  /** C of a VMM of your own in place of vmbuild's. It is linked with libvmm and the guest's files. */
  readonly program?: OwnProgram;
}

export interface LinuxGuest {
  readonly name: string;
  /** The VMM. A client of the serial port and of the timer, if it is vmbuild's. */
  readonly vmm: PdBuilder;
  /** The guest's memory. */
  readonly ram: MemoryRegion;
  readonly cid: number;
}

export interface AddVsockOptions {
  /** Every one is connected with every other. */
  readonly guests: readonly LinuxGuest[];
  /** What vmbuild's programs in the guests pass over the sockets when they have booted. */
  readonly transfers?: readonly { readonly from: LinuxGuest; readonly to: LinuxGuest }[];
  /** Size of the memory for each direction of a pair; default 0x21000. */
  readonly ringBytes?: bigint;
}

/** Who is connected to what, when all is described. */
export interface Clients {
  readonly serial: readonly { readonly pd: PdBuilder; readonly receives: boolean }[];
  readonly timer: readonly PdBuilder[];
}

interface Member {
  readonly guest: LinuxGuest;
  readonly place: ReturnType<typeof callSite>;
  readonly options: AddLinuxOptions;
  readonly layout: GuestLayout;
  readonly peers: VsockPeer[];
  isConnected: boolean;
  recvFrom?: number;
  sendTo?: number;
}

export interface GuestBoard {
  readonly guest: GuestLayout;
  readonly timer: { readonly driver: DriverConfig };
}

const vmmPriority = 100;
/** Above all guests and below the timer's driver. */
const heartbeatPriority = 253;
/** Programs built with UBSan use more stack than Microkit's default. */
const vmmStackBytes = 0x4000n;

export class LinuxGuests {
  readonly #sdf: SystemBuilder;
  readonly #board: GuestBoard;
  readonly #members: Member[] = [];
  readonly #configs: ComponentConfig[] = [];
  #heartbeat: PdBuilder | undefined;

  constructor(sdf: SystemBuilder, board: GuestBoard) {
    this.#sdf = sdf;
    this.#board = board;
  }

  add(options: AddLinuxOptions): LinuxGuest {
    const sdf = this.#sdf;
    const { name, priority = vmmPriority, program } = options;
    const layout = { ...this.#board.guest, ...options.layout };
    const place = callSite();
    for (const finding of checkGuestLayout(layout, `guest '${name}'`))
      sdf.report({ ...finding, ...(place === undefined ? {} : { place }) });
    const vmm = sdf.addPd({ name: `${name}_vmm`, priority, stackSize: vmmStackBytes });
    const ram = sdf.addMr({ name: guestRamName(name), size: layout.ram.size });
    this.#configs.push(
      ...connectVmm(sdf, {
        pd: vmm,
        vm: { name, vcpus: [{ id: 0 }] },
        guest: layout,
        ram,
        virtioDevices: [{ kind: 'console', node: layout.console }],
      }),
    );
    const guest = { name, vmm, ram, cid: options.cid ?? this.#freeCid() };
    const member: Member = { guest, place, options, layout, peers: [], isConnected: false };
    const others = this.#members.map((other) => vsockMember(other));
    checkCid(sdf, vsockMember(member), others);
    this.#members.push(member);
    if (program === undefined)
      this.#heartbeat ??= addHeartbeatPd(sdf, {
        priority: heartbeatPriority,
        isFast: !isCounterReadable(this.#board),
        program: { vmbuild: 'heartbeat' },
      });
    return guest;
  }

  connect({ guests, transfers = [], ringBytes }: AddVsockOptions): void {
    const members = this.#members.filter(({ guest }) => guests.includes(guest));
    const named = guests.flatMap((guest) => members.find((member) => member.guest === guest) ?? []);
    const asMembers = named.map((member) => ({ member, as: vsockMember(member) }));
    const peers = connectPairs(this.#sdf, {
      members: asMembers.map(({ as }) => as),
      ...(ringBytes === undefined ? {} : { ringBytes }),
    });
    for (const { member, as } of asMembers) {
      member.isConnected = true;
      member.peers.push(...(peers.get(as) ?? []));
    }
    for (const member of members) this.#checkPeers(member);
    for (const { from, to } of transfers) this.#order(members, from, to);
  }

  /** The configs, when nothing more will be added. */
  finish(clients: Clients): readonly ComponentConfig[] {
    const ours = this.#members.filter(isOurs);
    for (const member of ours) this.#checkClients(member, clients);
    // More guests than ids are refused as too many protection domains.
    const listeners = ours.map(({ guest }) => guest.vmm).slice(0, heartbeatLimits.listeners);
    const sockets = this.#members
      .filter(hasVsock)
      .map((member) => vsockConfigOf(vsockMember(member), member.peers.slice(0, vsockLimits.maxPeers)));
    return [
      ...this.#configs,
      ...sockets,
      ...(this.#heartbeat === undefined ? [] : connectHeartbeat(this.#sdf, this.#heartbeat, listeners)),
    ];
  }

  /** What the VMMs are made from, by their names. */
  programs(): ReadonlyMap<string, Program> {
    return new Map(
      this.#members.map((member) => [member.guest.vmm.name, programOf(member, embeddedGuest(member))]),
    );
  }

  #freeCid(): number {
    const taken = new Set(this.#members.map(({ guest }) => guest.cid));
    let cid: number = vsockLimits.minCid;
    while (taken.has(cid)) cid += 1;
    return cid;
  }

  #checkPeers({ guest, peers }: Member): void {
    const twice = peers.find(({ cid }, i) => peers.findIndex((other) => other.cid === cid) !== i);
    if (twice !== undefined)
      this.#report(
        'VSK103',
        `'${guest.vmm.name}' is connected with CID ${twice.cid} by vsock twice`,
        'name each pair of guests in one addVsock',
      );
    if (peers.length > vsockLimits.maxPeers)
      this.#report(
        'VSK104',
        `'${guest.vmm.name}' is to be connected by vsock with ${peers.length} VMMs; each can have ${vsockLimits.maxPeers} peers`,
        'leave some out',
      );
  }

  /** vmbuild's programs in a guest send once and receive once. */
  #order(members: readonly Member[], from: LinuxGuest, to: LinuxGuest): void {
    const [sender, receiver] = [from, to].map((end) => members.find(({ guest }) => guest === end));
    const refuse = (why: string, hint: string): void =>
      this.#report('VSK106', `a transfer from '${from.name}' to '${to.name}' cannot be: ${why}`, hint);
    if (from === to) return refuse('they are one guest', 'name another');
    if (sender === undefined || receiver === undefined) {
      const lost = sender === undefined ? from : to;
      return refuse(`'${lost.name}' is not among the guests of this addVsock`, `add '${lost.name}' to them`);
    }
    if (sender.sendTo !== undefined)
      return refuse(`'${from.name}' sends to CID ${sender.sendTo} already`, 'leave one of the two out');
    if (receiver.recvFrom !== undefined)
      return refuse(
        `'${to.name}' receives from CID ${receiver.recvFrom} already`,
        'leave one of the two out',
      );
    sender.sendTo = to.cid;
    receiver.recvFrom = from.cid;
  }

  #checkClients({ guest, place }: Member, { serial, timer }: Clients): void {
    const { vmm, name } = guest;
    const port = serial.find(({ pd }) => pd === vmm);
    if (port?.receives !== true)
      this.#sdf.report(
        errorFinding(
          'VMM105',
          `guest '${name}' has no console: its VMM '${vmm.name}' ${port === undefined ? 'has no serial port' : 'cannot receive on its serial port'}`,
          { hint: `name its vmm as a client: addSerial({ clients: [${name}.vmm], receive: true })`, place },
        ),
      );
    if (!timer.includes(vmm))
      this.#sdf.report(
        errorFinding('VMM106', `guest '${name}' could never wake up: its VMM '${vmm.name}' has no timer`, {
          hint: `name its vmm as a client: addTimer({ clients: [${name}.vmm] })`,
          place,
        }),
      );
  }

  #report(code: string, message: string, hint: string): void {
    this.#sdf.report(errorFinding(code, message, { hint, place: callSite() }));
  }
}

const isOurs = ({ options }: Member): boolean => options.program === undefined;

/** vmbuild's VMM always has the device, if need be with nobody behind it. */
const hasVsock = (member: Member): boolean => isOurs(member) || member.isConnected;

const vsockMember = ({ guest: { vmm, cid }, layout }: Member) => ({ pd: vmm, cid, node: layout.vsock });

function embeddedGuest(member: Member): EmbeddedGuest {
  const { guest, layout, recvFrom, sendTo } = member;
  const { linux, initrd, append } = member.options;
  return {
    name: guest.name,
    cid: guest.cid,
    layout,
    hasVsock: hasVsock(member),
    ...(recvFrom === undefined ? {} : { recvFrom }),
    ...(sendTo === undefined ? {} : { sendTo }),
    ...(append === undefined ? {} : { append }),
    ...(linux === undefined ? {} : { linux }),
    ...(initrd === undefined ? {} : { initrd }),
  };
}

const programOf = ({ options: { program } }: Member, guest: EmbeddedGuest): Program =>
  program === undefined
    ? { vmbuild: 'linux_vmm', guest }
    : { libraries: ['libvmm', 'sddf'], ...program, guest };
