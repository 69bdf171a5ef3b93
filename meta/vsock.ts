// SPDX-License-Identifier: BSD-2-Clause
// Connects the virtio socket devices of any number of VMMs, every one with every other. Per pair one channel and two
// regions, named after their writer and reader: `vsock/<owner>/<reader>`, read-write for the owner, read-only for the
// reader, so that a VMM can never write what its peer relies on (shared design, decision 6).

import type { SystemBuilder } from './builder.ts';
import { duplicates } from './check/duplicates.ts';
import { type ComponentConfig, componentConfig } from './config/component.ts';
import { vsockConfig, type VsockConfigValue } from './config/vsock.ts';
import { formatSize } from './diagnostic.ts';
import { errorFinding } from './finding.ts';
import { spiToVirq, type VirtioMmioNode } from './guest.ts';
import { vsockLimits } from './limits.ts';
import type { PdBuilder } from './pd-builder.ts';
import { callSite } from './place.ts';
import { hex } from './units.ts';

export interface VsockMember {
  readonly pd: PdBuilder;
  /** Context id: the guest's address. 3 to 2^32 - 2, unique. */
  readonly cid: number;
  /** The device's node in the guest. */
  readonly node: VirtioMmioNode;
}

export interface VsockOptions {
  readonly members: readonly VsockMember[];
  /** Size of one region: a header page and the data. Default 0x21000. */
  readonly ringBytes?: bigint;
}

export type VsockPeer = VsockConfigValue['peers'][number];

/** Wires the members up, pair by pair in their order, and gives the config of each. */
export function connectVsock(sdf: SystemBuilder, options: VsockOptions): ComponentConfig[] {
  const { members } = options;
  for (const [i, member] of members.entries()) checkCid(sdf, member, members.slice(0, i));
  const peers = connectPairs(sdf, options);
  return members.map((member) => vsockConfigOf(member, peers.get(member) ?? []));
}

/** Wires the members up, and gives the peers of each. */
export function connectPairs(
  sdf: SystemBuilder,
  options: VsockOptions,
): ReadonlyMap<VsockMember, VsockPeer[]> {
  const { members, ringBytes = vsockLimits.defaultRingBytes } = options;
  checkGroup(sdf, options, ringBytes);
  const peers = new Map<VsockMember, VsockPeer[]>(members.map((member) => [member, []]));
  for (const [i, a] of members.entries())
    for (const b of members.slice(i + 1)) {
      const pair = connectPair(sdf, a, b, ringBytes);
      peers.get(a)?.push(pair.a);
      peers.get(b)?.push(pair.b);
    }
  return peers;
}

export const vsockConfigOf = ({ pd, cid, node }: VsockMember, peers: readonly VsockPeer[]): ComponentConfig =>
  componentConfig(
    {
      pd: pd.name,
      symbol: 'vsock_config',
      section: '.vsock_config',
      dataFile: `vsock_${pd.name}.data`,
    },
    vsockConfig,
    {
      num_peers: peers.length,
      cid,
      mmio_base: node.base,
      mmio_size: node.size,
      irq: spiToVirq(node.spi),
      peers,
    },
  );

function connectPair(
  sdf: SystemBuilder,
  a: VsockMember,
  b: VsockMember,
  size: bigint,
): { a: VsockPeer; b: VsockPeer } {
  const fromA = sdf.addMr({ name: `vsock/${a.pd.name}/${b.pd.name}`, size });
  const fromB = sdf.addMr({ name: `vsock/${b.pd.name}/${a.pd.name}`, size });
  const ringsOfA = { own_ring: a.pd.map(fromA, { perms: 'rw' }), peer_ring: a.pd.map(fromB, { perms: 'r' }) };
  const ringsOfB = { own_ring: b.pd.map(fromB, { perms: 'rw' }), peer_ring: b.pd.map(fromA, { perms: 'r' }) };
  const ids = sdf.addChannel({ a: { pd: a.pd }, b: { pd: b.pd } });
  return {
    a: { cid: b.cid, channel: ids.a, ...ringsOfA, ring_size: size },
    b: { cid: a.cid, channel: ids.b, ...ringsOfB, ring_size: size },
  };
}

/** CIDs are addresses: a system has each once. */
export function checkCid(sdf: SystemBuilder, member: VsockMember, others: readonly VsockMember[]): void {
  const { pd, cid } = member;
  const { minCid, maxCid } = vsockLimits;
  if (!Number.isInteger(cid) || cid < minCid || cid > maxCid)
    sdf.report(
      errorFinding(
        'VSK101',
        `CID ${cid} of '${pd.name}' is not in ${minCid}..${maxCid}: 0, 1, 2 and ${maxCid + 1} are reserved`,
        { hint: `use ${minCid} or more`, place: callSite() },
      ),
    );
  const first = others.find((other) => other.cid === cid);
  if (first !== undefined)
    sdf.report(
      errorFinding('VSK102', `'${first.pd.name}' and '${pd.name}' both have CID ${cid}`, {
        hint: `give '${pd.name}' another`,
        place: callSite(),
      }),
    );
}

function checkGroup(sdf: SystemBuilder, { members }: VsockOptions, ringBytes: bigint): void {
  const { maxPeers } = vsockLimits;
  for (const { again } of duplicates(members, ({ pd }) => pd.name))
    sdf.report(
      errorFinding('VSK103', `'${again.pd.name}' is a member of the vsock connection twice`, {
        hint: 'name it once',
        place: callSite(),
      }),
    );
  if (members.length - 1 > maxPeers)
    sdf.report(
      errorFinding(
        'VSK104',
        `${members.length} VMMs are to be connected by vsock; each can have ${maxPeers} peers`,
        {
          hint: `use at most ${maxPeers + 1}`,
          place: callSite(),
        },
      ),
    );
  checkRingBytes(sdf, ringBytes);
}

function checkRingBytes(sdf: SystemBuilder, ringBytes: bigint): void {
  const { ringHeaderBytes: header, minRingDataBytes: min, maxRingDataBytes: max } = vsockLimits;
  const data = ringBytes - header;
  if (data >= min && data <= max && (data & (data - 1n)) === 0n) return;
  sdf.report(
    errorFinding(
      'VSK105',
      `vsock regions of ${formatSize(ringBytes)} are not a page of ${hex(header)} and a power of two from ${hex(min)} to ${hex(max)} of data`,
      { hint: `use ${hex(vsockLimits.defaultRingBytes)}, the default`, place: callSite() },
    ),
  );
}
