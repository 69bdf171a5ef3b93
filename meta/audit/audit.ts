// SPDX-License-Identifier: BSD-2-Clause
// Accounts for every capability of an image by a line of its description, or by a rule of Microkit's, and for every line
// of the description by what the image holds. Pure: who calls it has read the files.

import type { Diagnostic } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import type { SystemDescription } from '../model.ts';
import type { Because } from './because.ts';
import type { Cap, Capdl } from './capdl.ts';
import { checkDomains, domainNumbers } from './domains.ts';
import { expectImage, type ExpectOptions } from './expect.ts';
import type { ExpectedImage, ExpectedThread } from './expected.ts';
import { Matcher, type Reason } from './match.ts';
import { tcbSlot, vspaceShape, type VspaceShape } from './microkit.ts';
import { isWalked, walkSpace } from './vspace.ts';

export interface AuditReport {
  /** All that is wrong; empty if and only if the image is what the description says. */
  readonly findings: readonly Diagnostic[];
  readonly counts: {
    readonly objects: number;
    readonly objectsExplained: number;
    readonly capabilities: number;
    readonly capabilitiesExplained: number;
    readonly interrupts: number;
  };
  /** Every filled slot of the image, in the image's order. */
  readonly capabilities: readonly AuditedCap[];
  /** Why each object is there, in the image's order. */
  readonly objects: readonly (Reason | undefined)[];
  /** Frames of each region of the description. */
  readonly regions: ReadonlyMap<string, { readonly memory: readonly number[]; readonly isDevice: boolean }>;
  /** Threads and devices, with their TCB or I/O address space in the image. */
  readonly threads: readonly (Omit<ExpectedThread, 'object'> & { readonly object: number | undefined })[];
}

export interface AuditedCap {
  /** Index of the object that holds it. */
  readonly holder: number;
  readonly slot: number;
  readonly cap: Cap;
  /** Absent: unexplained. */
  readonly because: Because | undefined;
}

export function auditSystem(
  system: SystemDescription,
  capdl: Capdl,
  options: ExpectOptions = {},
): AuditReport {
  const matcher = new Matcher(capdl);
  const shape = shapeOf(system, capdl, matcher);
  if (shape === undefined) return report(matcher, undefined, [noMonitor(system)]);
  const image = expectImage(system, shape, domainNumbers(system, capdl), options);
  matcher.bindByName(image);
  compareAll(matcher, image, shape);
  for (const memory of image.memories) matcher.frames.reportMissing(memory);
  checkIrqs(matcher, image);
  checkDomains(matcher, system);
  reportLeftovers(matcher);
  return report(matcher, image, []);
}

/** An object may be bound while another one is compared, so that those without a name of the tool's come last. */
function compareAll(matcher: Matcher, { objects }: ExpectedImage, shape: VspaceShape): void {
  let rest = [...objects];
  for (;;) {
    const bound = rest.filter((object) => matcher.idOf(object) !== undefined);
    if (bound.length === 0) break;
    rest = rest.filter((object) => !bound.includes(object));
    for (const object of bound) matcher.compare(object, isWalked(object));
    for (const object of bound) walkSpace(matcher, object, shape);
  }
  for (const { kind, name, because } of rest)
    matcher.report(
      'AUD207',
      `the image has no ${kind} '${name}': ${because.text}`,
      because,
      'build the image from this description, or take the line out of it',
    );
}

/** The table of interrupts says which number each object is. */
function checkIrqs(matcher: Matcher, { objects }: ExpectedImage): void {
  const numbers = new Map(matcher.capdl.irqs.map(({ irq, handler }) => [handler, irq]));
  for (const expected of objects) {
    const id = matcher.idOf(expected);
    if (expected.irq === undefined || id === undefined) continue;
    const real = numbers.get(id);
    numbers.delete(id);
    if (real !== expected.irq)
      matcher.report(
        'AUD210',
        `'${expected.name}' is bound to ${real === undefined ? 'no interrupt' : `interrupt ${real}`} instead of ${expected.irq}: ${expected.because.text}`,
        expected.because,
        'build the image from this description, or correct the description',
      );
  }
  for (const [id, irq] of numbers)
    matcher.report(
      'AUD210',
      `interrupt ${irq} is bound to '${matcher.object(id).name}', and no line of the description asks for it`,
      undefined,
      'add the line that asks for it, or find out who put it there',
    );
}

function reportLeftovers(matcher: Matcher): void {
  for (const [id, { kind, name, slots }] of matcher.capdl.objects.entries()) {
    if (matcher.reasons[id] !== undefined) continue;
    const held = slots.length === 0 ? '' : `, with ${slots.length} capabilities in it,`;
    matcher.report(
      'AUD202',
      `the image has a ${kind} '${name}'${held} that no line of the description explains`,
      undefined,
      'add the line that asks for it, or find out who put it there',
    );
  }
}

/** The form of page tables, from the one root that every image has. */
function shapeOf(
  system: SystemDescription,
  capdl: Capdl,
  matcher: Matcher,
): (VspaceShape & { ipcBuffer: bigint }) | undefined {
  const id = matcher.idByName('tcb_monitor');
  const monitor = id === undefined ? undefined : capdl.objects[id];
  const root = monitor?.slots.find(({ slot }) => slot === tcbSlot.vspace)?.cap.object;
  const level = root === undefined ? undefined : capdl.objects[root]?.attributes['level'];
  const shape = typeof level === 'bigint' ? vspaceShape(system.arch, Number(level)) : undefined;
  const buffer = monitor?.attributes['ipcBuffer'];
  if (shape === undefined || typeof buffer !== 'bigint') return undefined;
  // Also of what nobody has looked at: a page, with room for a stack below it.
  if (buffer % 0x1000n !== 0n || buffer < 0x200_0000n) return undefined;
  return { ...shape, ipcBuffer: shape.ipcBuffer ?? buffer };
}

const noMonitor = ({ arch }: SystemDescription): Diagnostic =>
  errorFinding(
    'AUD207',
    `the image has no thread 'tcb_monitor' with page tables of ${arch}, as every image of Microkit's has`,
    { hint: `build the image for ${arch} with Microkit 2.3` },
  );

function report(
  matcher: Matcher,
  image: ExpectedImage | undefined,
  more: readonly Diagnostic[],
): AuditReport {
  const { objects, irqs } = matcher.capdl;
  const capabilities = objects.flatMap(({ slots }, holder) =>
    slots.map(({ slot, cap }, position) => ({
      holder,
      slot,
      cap,
      because: matcher.slotReasons[holder]?.[position],
    })),
  );
  const left =
    matcher.dropped === 0
      ? []
      : [
          errorFinding('AUD212', `${matcher.dropped} more findings are left out`, {
            hint: 'correct the first ones and audit again',
          }),
        ];
  return {
    findings: [...more, ...matcher.findings, ...left],
    counts: {
      objects: objects.length,
      objectsExplained: matcher.reasons.filter((reason) => reason !== undefined).length,
      capabilities: capabilities.length,
      capabilitiesExplained: capabilities.filter(({ because }) => because !== undefined).length,
      interrupts: irqs.length,
    },
    capabilities,
    objects: matcher.reasons,
    regions: new Map(
      (image?.memories ?? []).flatMap((memory) =>
        memory.region === undefined
          ? []
          : [
              [
                memory.region,
                { memory: matcher.frames.idsOf(memory), isDevice: typeof memory.paddr === 'bigint' },
              ] as const,
            ],
      ),
    ),
    threads: (image?.threads ?? []).map(({ kind, name, object }) => ({
      kind,
      name,
      object: matcher.idOf(object),
    })),
  };
}
