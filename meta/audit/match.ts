// SPDX-License-Identifier: BSD-2-Clause
// Lays what an image ought to hold over what it holds. Every expected object is bound to exactly one real one: first by
// the tool's name for it, else by the first capability that must lead to it. Names are no evidence: under the binding every
// attribute and every slot has to agree, in both directions, so a wrong binding cannot pass.

import type { Diagnostic } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import type { Because } from './because.ts';
import type { Attributes, Cap, Capdl, CapdlObject } from './capdl.ts';
import { attributeWords, describeCap, describeExpectedCap, describeSlot, formatValue } from './describe.ts';
import {
  anyValue,
  type ExpectedAttributes,
  type ExpectedCap,
  type ExpectedImage,
  type ExpectedObject,
} from './expected.ts';
import { FrameBook } from './frames.ts';
import { auditLimits } from './limits.ts';

/** Why an object is there, and for whom. */
export interface Reason {
  readonly owner: string;
  readonly because: Because;
}

export class Matcher {
  readonly capdl: Capdl;
  readonly frames: FrameBook;
  readonly findings: Diagnostic[] = [];
  /** Findings that were not kept. */
  dropped = 0;
  /** By object. */
  readonly reasons: (Reason | undefined)[];
  /** By object and by position in its list of slots. */
  readonly slotReasons: (Because | undefined)[][];
  readonly #bound = new Map<ExpectedObject, number>();
  readonly #byName: ReadonlyMap<string, number>;

  constructor(capdl: Capdl) {
    this.capdl = capdl;
    this.reasons = capdl.objects.map(() => undefined);
    this.slotReasons = capdl.objects.map(() => []);
    this.#byName = new Map(capdl.objects.map(({ name }, id) => [name, id]));
    this.frames = new FrameBook(this);
  }

  report(code: string, message: string, because: Because | undefined, hint: string): void {
    if (this.findings.length >= auditLimits.findings) this.dropped += 1;
    else this.findings.push(errorFinding(code, message, { hint, place: because?.place }));
  }

  object(id: number): CapdlObject {
    const object = this.capdl.objects[id];
    if (object === undefined) throw new Error(`object ${id} of ${this.capdl.objects.length}`);
    return object;
  }

  idOf(expected: ExpectedObject): number | undefined {
    return expected.memory === undefined ? this.#bound.get(expected) : this.frames.idOf(expected.memory, 0);
  }

  idByName(name: string): number | undefined {
    return this.#byName.get(name);
  }

  /** Binds what the tool has named, so that whatever else is wrong is reported where it is wrong. */
  bindByName({ objects, memories }: ExpectedImage): void {
    for (const expected of objects) {
      const id = this.#byName.get(expected.name);
      if (id !== undefined && this.object(id).kind === expected.kind) this.#bind(expected, id);
    }
    for (const memory of memories) this.frames.bindByName(memory);
  }

  /** Takes `id` for `owner`; false if it has been taken. */
  claim(id: number, reason: Reason): boolean {
    if (this.reasons[id] !== undefined) return false;
    this.reasons[id] = reason;
    return true;
  }

  #bind(expected: ExpectedObject, id: number): boolean {
    if (!this.claim(id, { owner: expected.owner, because: expected.because })) return false;
    this.#bound.set(expected, id);
    return true;
  }

  /** Attributes and capabilities of one object. Address spaces are walked elsewhere (vspace.ts). */
  compare(expected: ExpectedObject, skipSlot: (slot: number) => boolean): void {
    const id = this.#bound.get(expected);
    if (id === undefined) return;
    const object = this.object(id);
    for (const difference of differences(expected.attributes, object.attributes))
      this.report(
        'AUD205',
        `'${object.name}' has ${difference}: ${expected.because.text}`,
        expected.because,
        'build the image from this description, or correct the description',
      );
    const seen = new Set<number>();
    for (const [position, { slot, cap }] of object.slots.entries()) {
      if (skipSlot(slot)) continue;
      seen.add(slot);
      const wanted = expected.slots.get(slot);
      if (wanted === undefined)
        this.unexplained(object, slot, cap, { owner: expected.owner, because: expected.because });
      else if (this.#accept(wanted, cap, object, slot)) this.explain(id, position, wanted.because);
    }
    for (const [slot, wanted] of expected.slots)
      if (!seen.has(slot) && !skipSlot(slot))
        this.report(
          'AUD206',
          `${describeSlot(object, slot)} is empty; it lacks the ${describeExpectedCap(wanted)}: ${wanted.because.text}`,
          wanted.because,
          'build the image from this description, or take the line out of it',
        );
  }

  explain(id: number, position: number, because: Because): void {
    const reasons = this.slotReasons[id];
    if (reasons !== undefined) reasons[position] = because;
  }

  unexplained(
    object: CapdlObject,
    slot: number,
    cap: Cap,
    holder: Reason | undefined,
    address?: bigint,
  ): void {
    const who = holder === undefined ? '' : `, which is ${holder.because.text}`;
    this.report(
      'AUD201',
      `${describeSlot(object, slot, address)}${who} holds a ${describeCap(cap, this.capdl)} that no line of the description explains`,
      holder?.because,
      'add the line that asks for it, or find out who put it there',
    );
  }

  #accept(wanted: ExpectedCap, cap: Cap, object: CapdlObject, slot: number): boolean {
    const where = describeSlot(object, slot);
    const real = this.object(cap.object);
    const known =
      wanted.target.memory === undefined
        ? this.#bound.get(wanted.target)
        : this.frames.take(wanted.target.memory, 0, cap.object);
    const isNew = known === undefined && cap.kind === wanted.kind && this.#bind(wanted.target, cap.object);
    if (cap.kind !== wanted.kind || (!isNew && known !== cap.object)) {
      this.report(
        'AUD203',
        `${where} holds a ${describeCap(cap, this.capdl)}${ofWhom(this.reasons[cap.object], real)}, not the ${describeExpectedCap(wanted)}: ${wanted.because.text}`,
        wanted.because,
        'find out who changed the image',
      );
      return false;
    }
    const wrong = differences(wanted.attributes, cap.attributes);
    for (const difference of wrong)
      this.report(
        'AUD204',
        `${where}, a ${cap.kind} capability to '${real.name}', has ${difference}: ${wanted.because.text}`,
        wanted.because,
        'find out who changed the image',
      );
    return wrong.length === 0;
  }
}

/** `rights rw instead of r` */
export const differences = (wanted: ExpectedAttributes, real: Attributes): string[] =>
  [...new Set([...Object.keys(wanted), ...Object.keys(real)])]
    .filter((name) => wanted[name] !== anyValue && wanted[name] !== real[name])
    .map(
      (name) =>
        `${attributeWords[name] ?? name} ${formatValue(name, real[name])} instead of ${formatValue(name, wanted[name])}`,
    );

const ofWhom = (reason: Reason | undefined, { name }: CapdlObject): string =>
  reason === undefined || reason.because.text.includes(`'${name}'`) ? '' : ` (${reason.because.text})`;
