// SPDX-License-Identifier: BSD-2-Clause
// What an audit says: a short table, each capability with its line, or everything as JSON.
import { describeCap } from '../meta/audit/describe.ts';
import {
  type AuditedCap,
  type AuditReport,
  type Because,
  type Capdl,
  type Diagnostic,
  formatSize,
  type PolicyResult,
} from '../meta/index.ts';
import { describePolicy } from '../meta/index.ts';

export interface Audited {
  readonly place: string;
  readonly capdl: Capdl;
  readonly report: AuditReport;
  readonly policies: readonly PolicyResult[];
  readonly findings: readonly Diagnostic[];
}

export function auditTable({ place, capdl, report, policies, findings }: Audited): string {
  const { counts } = report;
  const rows = holders(capdl, report);
  const proved = policies.filter(({ proof }) => proof !== undefined);
  const lines = [
    `${place}: ${counts.objects} objects, capabilities explained ${counts.capabilitiesExplained} of ${counts.capabilities}`,
    ...columns([
      ['', 'priority', 'named', 'bound', 'pages', 'memory'],
      ...rows.map(({ name, priority, named, bound, pages, bytes }) => [
        name,
        priority,
        String(named),
        String(bound),
        String(pages),
        formatSize(bytes).replace(/ \(.*/, ''),
      ]),
    ]),
    ...(policies.length === 0 ? [] : [`policies proved ${proved.length} of ${policies.length}`]),
    ...proved.map(({ policy, proof }) => `  ${describePolicy(policy)}: ${proof}`),
    findings.length === 0 ? 'nothing is unexplained' : count(findings.length, 'finding'),
  ];
  return `${lines.join('\n')}\n`;
}

/** Each filled slot, in the image's order. */
export function capabilityLines({ capdl, report }: Audited): string {
  const lines = report.capabilities.map(
    ({ holder, slot, cap, because }) =>
      `${capdl.objects[holder]?.name} ${slot}: ${describeCap(cap, capdl)}: ${because === undefined ? 'UNEXPLAINED' : formatBecause(because)}\n`,
  );
  return lines.join('');
}

export function auditJson({ place, capdl, report, policies, findings }: Audited): string {
  const { counts, capabilities } = report;
  const value = {
    version: 1,
    place,
    ok: findings.length === 0,
    ...counts,
    holders: holders(capdl, report),
    policies: policies.map(({ policy, proof }) => ({ ...policy, text: describePolicy(policy), proof })),
    capabilities: capabilities.map((entry) => capabilityJson(entry, capdl)),
    diagnostics: findings,
  };
  return `${JSON.stringify(value, (_name, item: unknown) =>
    typeof item === 'bigint' ? `0x${item.toString(16)}` : item,
  )}\n`;
}

const capabilityJson = ({ holder, slot, cap, because }: AuditedCap, { objects }: Capdl): object => ({
  holder: objects[holder]?.name,
  slot,
  kind: cap.kind,
  object: objects[cap.object]?.name,
  ...cap.attributes,
  because: because ?? null,
});

interface Holder {
  readonly name: string;
  readonly kind: string;
  readonly priority: string;
  /** Capabilities that the program can name. */
  readonly named: number;
  /** Those that its thread is bound to. */
  readonly bound: number;
  readonly pages: number;
  readonly bytes: bigint;
}

/** One row per protection domain, virtual machine, device and the monitor. */
function holders({ objects }: Capdl, report: AuditReport): Holder[] {
  const ownerOf = new Map<number, string>();
  for (const [id, reason] of report.objects.entries())
    if (reason !== undefined) ownerOf.set(id, reason.owner);
  const rows = new Map<string, Holder>();
  for (const { kind, name, object } of report.threads) {
    if (object === undefined || rows.has(name)) continue;
    const priority = objects[object]?.attributes['priority'];
    rows.set(name, {
      name,
      kind,
      priority: typeof priority === 'bigint' ? String(priority) : '',
      named: 0,
      bound: 0,
      pages: 0,
      bytes: 0n,
    });
  }
  for (const { holder, cap } of report.capabilities) {
    const object = objects[holder];
    const name = ownerOf.get(holder) ?? '';
    const row = rows.get(name);
    if (row === undefined || object === undefined) continue;
    const isPage = cap.kind === 'Frame' && object.kind !== 'Tcb' && object.kind !== 'CNode';
    const bits = objects[cap.object]?.attributes['sizeBits'];
    rows.set(name, {
      ...row,
      named: row.named + (object.kind === 'CNode' ? 1 : 0),
      bound: row.bound + (object.kind === 'Tcb' ? 1 : 0),
      pages: row.pages + (isPage ? 1 : 0),
      bytes: row.bytes + (isPage && typeof bits === 'bigint' ? 1n << bits : 0n),
    });
  }
  return [...rows.values()];
}

function formatBecause({ text, place }: Because): string {
  const at =
    place === undefined
      ? ''
      : ` (${[place.file, place.line].filter((part) => part !== undefined).join(':')})`;
  return `${text}${at}`;
}

/** The first column to the left, the others to the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')}`.trimEnd(),
  );
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
