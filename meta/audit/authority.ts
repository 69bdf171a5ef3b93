// SPDX-License-Identifier: BSD-2-Clause
// Who can do what, as a graph that an image (authority-image.ts) and a description (authority-system.ts) are both brought
// into, so that one proof serves for both. Kernel objects are nodes, capabilities are edges; a thread's authority is what
// follows from its TCB.

import type { Attributes, CapKind, ObjectKind } from './capdl.ts';
import type { Because } from './because.ts';
import { tcbSlot } from './microkit.ts';

export interface Authority {
  readonly from: 'image' | 'description';
  readonly nodes: readonly AuthorityNode[];
  readonly threads: readonly AuthorityThread[];
  /** Keys of the memory that each region consists of. */
  readonly regions: ReadonlyMap<string, { readonly memory: readonly number[]; readonly isDevice: boolean }>;
  readonly counts: { readonly capabilities: number; readonly memory: number };
}

export interface AuthorityThread {
  readonly kind: 'protection domain' | 'virtual machine' | 'monitor' | 'device';
  readonly name: string;
  /** Its TCB; a device's I/O address space. */
  readonly node: number;
}

export interface AuthorityNode {
  readonly kind: ObjectKind;
  readonly name: string;
  readonly attributes: Attributes;
  readonly edges: readonly AuthorityEdge[];
  /** What a root page table or a frame gives access to. */
  readonly memory: readonly MemoryAccess[];
}

export interface AuthorityEdge {
  readonly slot: number;
  readonly kind: CapKind;
  readonly to: number;
  readonly badge: bigint;
  readonly rights: string;
  readonly because: Because | undefined;
}

export interface MemoryAccess {
  /** Of a page in an image, of a region, stack or program in a description. */
  readonly key: number;
  /** `memory region 'x'`, `'frame_mr_x_000000000'` */
  readonly name: string;
  readonly isReadable: boolean;
  readonly isWritable: boolean;
  readonly because: Because | undefined;
}

/** A protection domain, virtual machine or device with everything that it holds itself. */
export interface Subject {
  readonly kind: AuthorityThread['kind'];
  readonly name: string;
  /** Its own TCBs. */
  readonly tcbs: ReadonlySet<number>;
  /** Capabilities in its capability space, and those that its threads are bound to (`isBound`). */
  readonly held: readonly Held[];
  readonly memory: readonly MemoryAccess[];
}

export interface Held extends AuthorityEdge {
  readonly isBound: boolean;
  /** Where it stands. */
  readonly holder: number;
}

/** By name, the monitor excluded. Threads of one name (a guest's virtual processors) are one subject. */
export function subjectsOf(authority: Authority): ReadonlyMap<string, Subject> {
  const subjects = new Map<string, Subject>();
  for (const { kind, name } of authority.threads) {
    if (kind === 'monitor' || subjects.has(name)) continue;
    const nodes = authority.threads.flatMap((thread) =>
      thread.name === name && thread.kind === kind ? [thread.node] : [],
    );
    subjects.set(name, subject(authority, kind, name, nodes));
  }
  return subjects;
}

function subject(
  { nodes }: Authority,
  kind: AuthorityThread['kind'],
  name: string,
  own: readonly number[],
): Subject {
  const held: Held[] = [];
  const memory: MemoryAccess[] = [];
  const entered = new Set<number>();
  const enter = (cnode: number): void => {
    if (entered.has(cnode)) return;
    entered.add(cnode);
    for (const edge of nodes[cnode]?.edges ?? []) {
      held.push({ ...edge, isBound: false, holder: cnode });
      if (edge.kind === 'CNode') enter(edge.to);
      if (edge.kind === 'Frame') memory.push(...restricted(nodes[edge.to]?.memory ?? [], edge));
    }
  };
  for (const node of own) {
    memory.push(...(nodes[node]?.memory ?? []));
    for (const edge of nodes[node]?.kind === 'Tcb' ? (nodes[node]?.edges ?? []) : []) {
      held.push({ ...edge, isBound: true, holder: node });
      if (edge.slot === tcbSlot.cspace) enter(edge.to);
      else if (edge.kind === 'Frame') memory.push(...restricted(nodes[edge.to]?.memory ?? [], edge));
      else if (edge.kind === 'PageTable') memory.push(...(nodes[edge.to]?.memory ?? []));
    }
  }
  return { kind, name, tcbs: new Set(own), held, memory };
}

const restricted = (memory: readonly MemoryAccess[], { rights, because }: AuthorityEdge): MemoryAccess[] =>
  memory.map((access) => ({
    ...access,
    isReadable: rights.includes('r'),
    isWritable: rights.includes('w'),
    because,
  }));

/** Capabilities that turn into others: whoever holds one could reach anything. */
const creators: ReadonlySet<CapKind> = new Set([
  'Untyped',
  'AsidPool',
  'IOSpace',
  'IOPageTable',
  'DomainSet',
]);

export const creatorOf = ({ held }: Subject): Held | undefined => held.find(({ kind }) => creators.has(kind));

/** Someone in whose stead another can act, and the capability that lets them. */
export interface Control {
  readonly target: Subject;
  readonly by: Held;
}

/** Whose threads, virtual processors or address spaces this one holds, itself excluded. */
export function controlledBy(
  { held, name }: Subject,
  subjects: ReadonlyMap<string, Subject>,
): readonly Control[] {
  return held.flatMap((by) => {
    if (by.isBound || !controls.has(by.kind)) return [];
    return [...subjects.values()]
      .filter((target) => target.name !== name && belongsTo(by, target))
      .map((target) => ({ target, by }));
  });
}

const controls: ReadonlySet<CapKind> = new Set(['Tcb', 'VCpu', 'PageTable', 'CNode']);

/** The capability is to a TCB of `target`, or to what one is bound to. */
const belongsTo = ({ to }: Held, { tcbs, held }: Subject): boolean =>
  tcbs.has(to) || held.some((other) => other.isBound && other.to === to);

/** A protected call or fault can be received here: Microkit's own ends have no badge. */
export const isReceivingEnd = ({ badge: number }: Held): boolean => number === 0n;
