// SPDX-License-Identifier: BSD-2-Clause
// What every thread of Microkit's has, be it a protection domain's, the monitor's or a virtual processor's: kernel objects
// under the tool's names, and the capabilities that bind them to its TCB.

import type { CapKind } from './capdl.ts';
import type { Because } from './because.ts';
import type { ExpectedAttributes, ExpectedCap, ExpectedObject, ExpectedSpace } from './expected.ts';
import { sizes } from './microkit.ts';

export interface ObjectOptions {
  readonly owner: string;
  readonly because: Because;
}

export const makeObject = (
  kind: ExpectedObject['kind'],
  name: string,
  { owner, because }: ObjectOptions,
  attributes: ExpectedAttributes = {},
): ExpectedObject => ({ kind, name, owner, attributes, slots: new Map(), because });

export const makeRoot = (
  name: string,
  options: ObjectOptions & { rootLevel: number; ept?: boolean },
  space: ExpectedSpace,
): ExpectedObject => ({
  ...makeObject('PageTable', name, options, {
    ept: options.ept === true,
    root: true,
    level: BigInt(options.rootLevel),
  }),
  space,
});

export const makeSchedContext = (
  name: string,
  options: ObjectOptions,
  { period, budget, badge }: { period: bigint; budget: bigint; badge: bigint },
): ExpectedObject =>
  makeObject('SchedContext', `sched_context_${name}`, options, {
    sizeBits: sizes.schedContextBits,
    period,
    budget,
    badge,
  });

/** A capability without attributes. */
export const plainCap = (
  kind: CapKind,
  target: ExpectedObject,
  because: Because = target.because,
): ExpectedCap => ({ kind, target, attributes: {}, because });

export const cnodeCap = (target: ExpectedObject, guardSize: bigint): ExpectedCap => ({
  kind: 'CNode',
  target,
  attributes: { guard: 0n, guardSize },
  because: target.because,
});

/** Microkit gives all rights to endpoints, and grant to none else. */
export const endpointCap = (target: ExpectedObject, badge: bigint, because: Because): ExpectedCap => ({
  kind: 'Endpoint',
  target,
  attributes: { badge, rights: 'rwg' },
  because,
});

export const notificationCap = (target: ExpectedObject, badge: bigint, because: Because): ExpectedCap => ({
  kind: 'Notification',
  target,
  attributes: { badge, rights: 'rw' },
  because,
});

export const ipcBufferCap = (target: ExpectedObject): ExpectedCap => ({
  kind: 'Frame',
  target,
  attributes: { rights: 'rw', cached: true, executable: false },
  because: target.because,
});

/** Level names of the tool's, for the names of root page tables. */
export const rootName = (rootLevel: number, owner: string, arch: string): string =>
  `${arch === 'x86_64' ? 'pml4' : rootLevel === 1 ? 'pud' : 'pgd'}_${owner}`;
