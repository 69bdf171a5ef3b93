// SPDX-License-Identifier: BSD-2-Clause
// Who can do what in an image: every capability counts as it stands there, whether the audit could explain it or not.

import type { Authority, AuthorityNode, MemoryAccess } from './authority.ts';
import type { AuditReport } from './audit.ts';
import type { Because } from './because.ts';
import type { Attribute, Capdl } from './capdl.ts';

export function authorityOfImage(capdl: Capdl, report: AuditReport): Authority {
  const reasons = new Map<number, Map<number, Because>>();
  for (const { holder, slot, because } of report.capabilities) {
    if (because === undefined) continue;
    const ofHolder = reasons.get(holder) ?? new Map<number, Because>();
    reasons.set(holder, ofHolder.set(slot, because));
  }
  const roots = new Set(report.threads.flatMap(({ object }) => (object === undefined ? [] : [object])));
  const nodes = capdl.objects.map(({ kind, name, attributes, slots }, id): AuthorityNode => {
    const isTable = kind === 'PageTable' || kind === 'IOPageTable' || kind === 'IOSpace';
    return {
      kind,
      name,
      attributes,
      // Tables are looked through, from whoever holds one.
      edges: isTable
        ? []
        : slots.map(({ slot, cap }) => ({
            slot,
            kind: cap.kind,
            to: cap.object,
            badge: numberOf(cap.attributes['badge']),
            rights: String(cap.attributes['rights'] ?? ''),
            because: reasons.get(id)?.get(slot),
          })),
      memory:
        kind === 'Frame'
          ? [{ key: id, name: `'${name}'`, isReadable: true, isWritable: true, because: undefined }]
          : [],
    };
  });
  const entry = new Set([
    ...roots,
    ...nodes.flatMap(({ edges }) => edges.flatMap(({ kind, to }) => (kind === 'PageTable' ? [to] : []))),
  ]);
  return {
    from: 'image',
    nodes: nodes.map((node, id) =>
      entry.has(id) && capdl.objects[id]?.kind !== 'Tcb'
        ? { ...node, memory: pagesBelow(capdl, id, reasons) }
        : node,
    ),
    threads: report.threads.flatMap(({ kind, name, object }) =>
      object === undefined ? [] : [{ kind, name, node: object }],
    ),
    regions: report.regions,
    counts: {
      capabilities: report.counts.capabilities,
      memory: capdl.objects.filter(({ kind }) => kind === 'Frame').length,
    },
  };
}

/** Every page that hangs below a table. No table is entered twice. */
function pagesBelow(
  { objects }: Capdl,
  root: number,
  reasons: ReadonlyMap<number, ReadonlyMap<number, Because>>,
): MemoryAccess[] {
  const pages: MemoryAccess[] = [];
  const entered = new Set<number>();
  const open = [root];
  for (let table = open.pop(); table !== undefined; table = open.pop()) {
    if (entered.has(table)) continue;
    entered.add(table);
    for (const { slot, cap } of objects[table]?.slots ?? [])
      if (cap.kind === 'Frame') {
        const rights = String(cap.attributes['rights']);
        pages.push({
          key: cap.object,
          name: `'${objects[cap.object]?.name}'`,
          // What can be executed can be read, as far as a flow is concerned.
          isReadable: rights.includes('r') || cap.attributes['executable'] === true,
          isWritable: rights.includes('w'),
          because: reasons.get(table)?.get(slot),
        });
      } else open.push(cap.object);
  }
  return pages;
}

const numberOf = (value: Attribute): bigint => (typeof value === 'bigint' ? value : 0n);
