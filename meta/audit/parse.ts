// SPDX-License-Identifier: BSD-2-Clause
// The text of a capDL specification to a value whose references all lead somewhere: every capability is to an object of
// its kind, no slot is used twice or lies outside of its object, names are unique. All that is wrong is refused at once.

import { type Diagnostic, Refusal, refuse, refuseErrors } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import { hex } from '../units.ts';
import { type Capdl, type CapdlObject, objectKindOf } from './capdl.ts';
import { parseJson } from './json.ts';
import { auditLimits } from './limits.ts';
import { capdlSchema } from './schema.ts';

/** Refuses AUD101 (no JSON), AUD102 (no capDL), AUD103 (contradicts itself). */
export const parseCapdl = (text: string, file: string): Capdl => readCapdl(parseJson(text, file), file);

/** The same of a value that was JSON. */
export function readCapdl(value: unknown, file: string): Capdl {
  const result = capdlSchema.safeParse(value);
  if (!result.success)
    throw new Refusal(
      result.error.issues
        .slice(0, shownFindings)
        .map(({ path, message }) =>
          errorFinding(
            'AUD102',
            `'${file}' is no capDL specification of Microkit's: ${formatPath(path)}: ${message}`,
            { hint: hintWrite, place: { file } },
          ),
        ),
    );
  const spec = result.data;
  const found = new Findings(file);
  const { start, end } = spec.root_objects;
  if (start !== 0 || end !== spec.objects.length)
    found.add(`it says that its objects are ${start} to ${end}, and has ${spec.objects.length}`);
  checkNames(spec.objects, found);
  for (const object of spec.objects) checkObject(object, spec.objects, found);
  checkFrames(spec.objects, found);
  checkIrqs(spec.irqs, spec.objects, found);
  refuseErrors(found.all);
  return {
    objects: spec.objects,
    irqs: spec.irqs,
    domainSchedule: spec.domain_schedule ?? undefined,
    domainSetStart: spec.domain_set_start,
    domainIndexShift: spec.domain_idx_shift,
  };
}

/** For who has read the file: refuses AUD101 if it is too large to be a string. */
export function checkCapdlSize(sizeBytes: number, file: string): void {
  if (sizeBytes > auditLimits.fileBytes)
    refuse(
      'AUD101',
      `'${file}' has ${sizeBytes} bytes; at most ${auditLimits.fileBytes} bytes of capDL are audited`,
      { hint: 'use larger pages for large memory regions' },
    );
}

const shownFindings = 20;
const hintWrite = "let the Microkit tool 2.3 write it: 'microkit … --capdl-json FILE'";

/** `objects[12].object.Tcb.slots[0]` */
const formatPath = (path: readonly PropertyKey[]): string => {
  const text = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part).slice(0, 40)}`))
    .join('');
  return text === '' ? 'the whole' : text.replace(/^\./, '');
};

class Findings {
  readonly all: Diagnostic[] = [];
  readonly #file: string;
  constructor(file: string) {
    this.#file = file;
  }
  add(what: string): void {
    if (this.all.length >= shownFindings) return;
    this.all.push(
      errorFinding('AUD103', `'${this.#file}' contradicts itself: ${what}`, {
        hint: hintWrite,
        place: { file: this.#file },
      }),
    );
  }
}

function checkNames(objects: readonly CapdlObject[], found: Findings): void {
  const seen = new Set<string>();
  for (const { name } of objects) {
    if (seen.has(name)) found.add(`two objects are called '${name}'`);
    seen.add(name);
  }
}

function checkObject(object: CapdlObject, objects: readonly CapdlObject[], found: Findings): void {
  const bits = object.attributes['sizeBits'];
  const isSized = object.kind === 'CNode' && typeof bits === 'bigint';
  if (isSized && bits > BigInt(auditLimits.cnodeBits))
    found.add(`the CNode '${object.name}' has 2^${bits} slots; at most 2^${auditLimits.cnodeBits} are read`);
  const end = isSized && bits <= 32n ? 2 ** Number(bits) : Number.POSITIVE_INFINITY;
  const taken = new Set<number>();
  for (const { slot, cap } of object.slots) {
    if (taken.has(slot)) found.add(`slot ${slot} of '${object.name}' is filled twice`);
    taken.add(slot);
    if (slot >= end) found.add(`slot ${slot} of '${object.name}' lies beyond its ${end} slots`);
    const target = objects[cap.object];
    if (target === undefined)
      found.add(
        `slot ${slot} of '${object.name}' is to object ${cap.object}, and there are ${objects.length}`,
      );
    else if (target.kind !== objectKindOf(cap.kind))
      found.add(
        `slot ${slot} of '${object.name}' is a ${cap.kind} capability to '${target.name}', which is a ${target.kind}`,
      );
  }
}

/** Two frames of one piece of memory would be shared memory that no capability shows. */
function checkFrames(objects: readonly CapdlObject[], found: Findings): void {
  const frames = objects
    .flatMap(({ name, kind, attributes: { paddr, sizeBits } }) =>
      kind === 'Frame' && typeof paddr === 'bigint' && typeof sizeBits === 'bigint'
        ? [{ name, start: paddr, end: paddr + (1n << sizeBits) }]
        : [],
    )
    .toSorted((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  for (const [i, { name, start }] of frames.entries()) {
    const before = frames[i - 1];
    if (before !== undefined && start < before.end)
      found.add(`'${before.name}' and '${name}' are the same memory from ${hex(start)}`);
  }
}

const irqKinds: ReadonlySet<string> = new Set(['Irq', 'ArmIrq', 'IrqMsi', 'IrqIOApic', 'RiscvIrq']);

function checkIrqs(irqs: Capdl['irqs'], objects: readonly CapdlObject[], found: Findings): void {
  const handlers = new Set<number>();
  const numbers = new Set<bigint>();
  for (const { irq, handler } of irqs) {
    const target = objects[handler];
    if (target === undefined || !irqKinds.has(target.kind))
      found.add(`interrupt ${irq} is handled by object ${handler}, which is no interrupt`);
    if (handlers.has(handler)) found.add(`object ${handler} handles two interrupts`);
    if (numbers.has(irq)) found.add(`interrupt ${irq} is handled twice`);
    handlers.add(handler);
    numbers.add(irq);
  }
}
