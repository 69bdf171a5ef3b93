// SPDX-License-Identifier: BSD-2-Clause
// What users demand of their system, as plain values that stand beside its description:
//
//     export const policies = [noSharedWritable(client, 'logger'), exclusive(uart, driver), noPath('guest0', 'guest1')];
//
// Each is proved of what was built (prove.ts on an image's capabilities), or of the description alone; else the line that
// breaks it is named. Protection domains, virtual machines and x86 I/O address spaces are named by their name or by
// whatever has it.
//
// What somebody can reach is more than what they have mapped: a protection domain has its virtual machine in hand, and
// whoever holds another's thread, address space or capability space (a parent its child's) can use all of it. Of all
// policies the same is not asked: Microkit's monitor and the kernel are trusted; time (who runs when, on which core) and
// memory that a device writes by itself without an IOMMU are not looked at.

import type { Place } from '../diagnostic.ts';
import { callSite } from '../place.ts';

export type Named = string | { readonly name: string };

export type Policy = PairPolicy | RegionPolicy;

export interface PairPolicy {
  readonly kind: 'noSharedMemory' | 'noSharedWritable' | 'onlyChannel' | 'noPath';
  readonly a: string;
  readonly b: string;
  /** Of noPath. Default `libmicrokit`. */
  readonly programs?: ProgramTrust;
  readonly place?: Place;
}

export interface RegionPolicy {
  readonly kind: 'exclusive' | 'onlyDevice' | 'cannotWrite';
  readonly pd: string;
  readonly region: string;
  readonly place?: Place;
}

/**
 * `libmicrokit`: a program receives only where Microkit's library does, on its own endpoint. `any`: it may also receive on
 * endpoints that it was given to send to; Microkit hands them out with all rights, the monitor's to everybody, so that
 * then any two root protection domains have a path.
 */
export type ProgramTrust = 'libmicrokit' | 'any';

/** No byte of memory is within reach of both, not even to read. */
export const noSharedMemory = (a: Named, b: Named): Policy => pair('noSharedMemory', a, b);

/** No byte of memory is within reach of both that one of them can write; constants and code may be shared. */
export const noSharedWritable = (a: Named, b: Named): Policy => pair('noSharedWritable', a, b);

/** The only ways between them are channels: no shared memory, and neither holds anything else of the other's. */
export const onlyChannel = (a: Named, b: Named): Policy => pair('onlyChannel', a, b);

/**
 * Nothing that `a` does can be seen by `b`, also not by way of others: memory, notifications, protected calls (both
 * ways), faults, threads.
 */
export const noPath = (a: Named, b: Named, options: { readonly programs?: ProgramTrust } = {}): Policy => ({
  ...pair('noPath', a, b),
  ...options,
});

/** Nobody but `pd` and its virtual machine can reach the region; nor need they. */
export const exclusive = (region: Named, pd: Named): Policy => onRegion('exclusive', region, pd);

/** The same of a device's registers: a region with a physical address, which `pd` does reach. */
export const onlyDevice = (pd: Named, region: Named): Policy => onRegion('onlyDevice', region, pd);

/** `pd` may read the region at most. */
export const cannotWrite = (pd: Named, region: Named): Policy => onRegion('cannotWrite', region, pd);

/** As it stands in messages: `noPath(guest0, guest1)`. */
export function describePolicy(policy: Policy): string {
  if ('a' in policy) {
    const { kind, a, b, programs } = policy;
    return `${kind}(${a}, ${b}${programs === 'any' ? ', any programs' : ''})`;
  }
  const { kind, pd, region } = policy;
  return kind === 'exclusive' ? `exclusive(${region}, ${pd})` : `${kind}(${pd}, ${region})`;
}

const pair = (kind: PairPolicy['kind'], a: Named, b: Named): PairPolicy => ({
  kind,
  a: nameOf(a),
  b: nameOf(b),
  ...placed(),
});

const onRegion = (kind: RegionPolicy['kind'], region: Named, pd: Named): RegionPolicy => ({
  kind,
  pd: nameOf(pd),
  region: nameOf(region),
  ...placed(),
});

const nameOf = (named: Named): string => (typeof named === 'string' ? named : named.name);

function placed(): { readonly place?: Place } {
  const place = callSite();
  return place === undefined ? {} : { place };
}
