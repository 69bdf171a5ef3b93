// SPDX-License-Identifier: BSD-2-Clause
// The guests of the virtio-socket system: their names, addresses and transfers. Needs no board, so that they are the
// same on seL4 and without it. Two guests are libvmm's example: the second sends, the first receives. More are a ring:
// each sends to the one before it, the first to the last, so that each one both sends and receives.

import { vsockLimits } from './limits.ts';

export interface VsockGuestPlan {
  /** The VMM's protection domain, e.g. `CLIENT_VMM0`. */
  readonly pd: string;
  /** Its virtual machine, e.g. `client_linux0`. */
  readonly vm: string;
  /** The VMM's program, e.g. `client_vmm0.elf`. */
  readonly programImage: string;
  /** Context id: the guest's address. */
  readonly cid: number;
  /** CID of the guest from which it receives. */
  readonly recvFrom?: number;
  /** CID of the guest to which it sends. */
  readonly sendTo?: number;
}

/** How many guests can pass transfers: two ends are needed, and every pair is connected. */
export const vsockGuestCounts = { min: 2, max: vsockLimits.maxPeers + 1 } as const;

/** `count` guests in the order of their CIDs. One alone has nobody to talk to. */
export function vsockGuests(count: number): readonly VsockGuestPlan[] {
  const transfers = planTransfers(count);
  return Array.from({ length: count }, (_, i): VsockGuestPlan => {
    const from = transfers.find((transfer) => transfer.to === i)?.from;
    const to = transfers.find((transfer) => transfer.from === i)?.to;
    return {
      pd: `CLIENT_VMM${i}`,
      vm: `client_linux${i}`,
      programImage: `client_vmm${i}.elf`,
      cid: cidOf(i),
      ...(from === undefined ? {} : { recvFrom: cidOf(from) }),
      ...(to === undefined ? {} : { sendTo: cidOf(to) }),
    };
  });
}

const cidOf = (index: number): number => vsockLimits.minCid + index;

/** By their numbers. */
function planTransfers(count: number): readonly { readonly from: number; readonly to: number }[] {
  if (count < 2) return [];
  if (count === 2) return [{ from: 1, to: 0 }];
  return Array.from({ length: count }, (_, i) => ({ from: i, to: (i + count - 1) % count }));
}
