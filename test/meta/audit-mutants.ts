// SPDX-License-Identifier: BSD-2-Clause
// Every way to add to, take from, or change one thing in a capDL specification that the tool wrote, as functions on its
// JSON. A copy is made of what changes only, so that thousands can be made of one file.

/** What JSON a capDL specification is, as far as the mutants must know. */
export interface Spec {
  readonly objects: readonly SpecObject[];
  readonly irqs: readonly { readonly irq: number; readonly handler: number }[];
  readonly root_objects: { readonly start: number; readonly end: number };
  readonly [name: string]: unknown;
}
interface SpecObject {
  readonly name: string;
  readonly object: string | Tagged;
}
type Tagged = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
interface SpecSlot {
  readonly slot: number;
  readonly cap: Tagged;
}

export interface Mutant {
  readonly what: string;
  readonly spec: Spec;
}

export const kindOf = ({ object }: SpecObject): string =>
  typeof object === 'string' ? object : (Object.keys(object)[0] ?? '');

const bodyOf = ({ object }: SpecObject): Readonly<Record<string, unknown>> =>
  typeof object === 'string' ? {} : (Object.values(object)[0] ?? {});

export const slotsOf = (object: SpecObject): readonly SpecSlot[] => {
  const { slots } = bodyOf(object);
  return Array.isArray(slots) ? (slots as SpecSlot[]) : [];
};

const withObject = (spec: Spec, id: number, change: (object: SpecObject) => SpecObject): Spec => ({
  ...spec,
  objects: spec.objects.map((object, i) => (i === id ? change(object) : object)),
});

const withBody = (object: SpecObject, body: Readonly<Record<string, unknown>>): SpecObject => ({
  ...object,
  object: { [kindOf(object)]: { ...bodyOf(object), ...body } },
});

const withSlots = (spec: Spec, id: number, slots: readonly SpecSlot[]): Spec =>
  withObject(spec, id, (object) => withBody(object, { slots }));

const withNewObject = (spec: Spec, name: string, object: SpecObject['object']): Spec => ({
  ...spec,
  objects: [...spec.objects, { name, object }],
  root_objects: { start: 0, end: spec.objects.length + 1 },
});

const rights = { read: true, write: true, grant: true, grant_reply: false };

/** Of every kind there is, one capability to each of some objects; the object is made if there is none. */
const foreign: readonly { kind: string; object: string; fields: object; made?: SpecObject['object'] }[] = [
  { kind: 'Untyped', object: 'Untyped', fields: {}, made: { Untyped: { size_bits: 12, paddr: null } } },
  { kind: 'Endpoint', object: 'Endpoint', fields: { badge: 0, rights } },
  { kind: 'Notification', object: 'Notification', fields: { badge: 1, rights } },
  { kind: 'CNode', object: 'CNode', fields: { guard: 0, guard_size: 0 } },
  { kind: 'Tcb', object: 'Tcb', fields: {} },
  { kind: 'VCpu', object: 'VCpu', fields: {}, made: 'VCpu' },
  { kind: 'Frame', object: 'Frame', fields: { rights, cached: true, executable: false } },
  { kind: 'PageTable', object: 'PageTable', fields: {} },
  { kind: 'AsidPool', object: 'AsidPool', fields: {}, made: { AsidPool: { high: 1 } } },
  {
    kind: 'IOSpace',
    object: 'IOSpace',
    fields: {},
    made: { IOSpace: { slots: [], domain_id: 1, pci_device: { bus: 0, device: 0, function: 0 } } },
  },
  { kind: 'IOPageTable', object: 'IOPageTable', fields: {}, made: { IOPageTable: { slots: [], level: 0 } } },
  { kind: 'IrqHandler', object: 'Irq', fields: {}, made: { Irq: { slots: [] } } },
  {
    kind: 'ArmIrqHandler',
    object: 'ArmIrq',
    fields: {},
    made: { ArmIrq: { slots: [], extra: { trigger: 0, target: 0 } } },
  },
  {
    kind: 'IOPorts',
    object: 'IOPorts',
    fields: {},
    made: { IOPorts: { start_port: 0, end_port: 9 } },
  },
  { kind: 'SchedContext', object: 'SchedContext', fields: {} },
  { kind: 'Reply', object: 'Reply', fields: {} },
  { kind: 'ArmSmc', object: 'ArmSmc', fields: {}, made: 'ArmSmc' },
  { kind: 'DomainSet', object: 'DomainSet', fields: {}, made: 'DomainSet' },
];

/** A capability of every kind, to an object of its own and to one of somebody else's, in every container. */
export function* additions(spec: Spec): Generator<Mutant> {
  for (const [id, object] of spec.objects.entries()) {
    if (!Array.isArray(bodyOf(object)['slots'])) continue;
    const slots = slotsOf(object);
    const taken = new Set(slots.map(({ slot }) => slot));
    const free = [0, 1, 2, 3, 7, 9, 10, 11, 42].find((slot) => !taken.has(slot)) ?? 43;
    for (const { kind, object: target, fields, made } of foreign) {
      const all = spec.objects.flatMap((candidate, i) => (kindOf(candidate) === target ? [i] : []));
      // The first and the last of a kind are never both the container's own.
      for (const to of new Set([all[0], all.at(-1)])) {
        const base = to === undefined && made !== undefined ? withNewObject(spec, 'new', made) : spec;
        const where = to ?? spec.objects.length;
        const cap = { [kind]: { object: where, ...fields } };
        yield {
          what: `${kind} to ${base.objects[where]?.name} in slot ${free} of ${object.name}`,
          spec: withSlots(base, id, [...slots, { slot: free, cap }]),
        };
      }
    }
  }
  for (const { object, made } of foreign)
    if (made !== undefined) yield { what: `a new ${object}`, spec: withNewObject(spec, 'new', made) };
}

/** Each capability taken away. */
export function* removals(spec: Spec): Generator<Mutant> {
  for (const [id, object] of spec.objects.entries()) {
    const slots = slotsOf(object);
    for (const [i, { slot }] of slots.entries())
      yield {
        what: `slot ${slot} of ${object.name} emptied`,
        spec: withSlots(spec, id, slots.toSpliced(i, 1)),
      };
  }
  for (const i of spec.irqs.keys())
    yield { what: `interrupt entry ${i} removed`, spec: { ...spec, irqs: spec.irqs.toSpliced(i, 1) } };
}

/** Each capability, each object and each entry with one value changed. */
export function* changes(spec: Spec): Generator<Mutant> {
  for (const [id, object] of spec.objects.entries()) {
    const slots = slotsOf(object);
    for (const [i, entry] of slots.entries()) {
      for (const [what, cap] of otherCaps(spec, entry.cap))
        yield {
          what: `slot ${entry.slot} of ${object.name}: ${what}`,
          spec: withSlots(spec, id, slots.with(i, { ...entry, cap })),
        };
      const slot = entry.slot === 43 ? 44 : 43;
      if (!slots.some((other) => other.slot === slot))
        yield {
          what: `slot ${entry.slot} of ${object.name} moved to ${slot}`,
          spec: withSlots(spec, id, slots.with(i, { ...entry, slot })),
        };
    }
    for (const [what, body] of otherFields(bodyOf(object)))
      yield { what: `${object.name}: ${what}`, spec: withObject(spec, id, (o) => withBody(o, body)) };
  }
  for (const [i, { irq, handler }] of spec.irqs.entries())
    yield {
      what: `interrupt ${irq} renumbered`,
      spec: { ...spec, irqs: spec.irqs.with(i, { irq: irq + 100, handler }) },
    };
  for (const [what, fields] of otherFields(spec)) yield { what, spec: { ...spec, ...fields } };
}

/** One capability with another object of its kind, or with one field changed. */
function* otherCaps(spec: Spec, cap: Tagged): Generator<[string, Tagged]> {
  const [kind = '', fields = {}] = Object.entries(cap)[0] ?? [];
  const now = Number(fields['object']);
  const target = spec.objects[now];
  if (target !== undefined) {
    const others = spec.objects.flatMap((object, i) =>
      i !== now && kindOf(object) === kindOf(target) ? [i] : [],
    );
    for (const object of new Set([others[0], others.at(-1)]))
      if (object !== undefined) yield [`to ${spec.objects[object]?.name}`, { [kind]: { ...fields, object } }];
  }
  for (const [what, other] of otherFields(fields)) yield [what, { [kind]: { ...fields, ...other } }];
}

const untouched: ReadonlySet<string> = new Set(['object', 'slots', 'objects', 'irqs', 'root_objects']);

/** Each plain value below `fields`, changed. */
function* otherFields(
  fields: Readonly<Record<string, unknown>>,
): Generator<[string, Record<string, unknown>]> {
  for (const [name, value] of Object.entries(fields)) {
    if (untouched.has(name)) continue;
    for (const [what, other] of otherValues(value)) yield [`${name}${what}`, { [name]: other }];
  }
}

function* otherValues(value: unknown): Generator<[string, unknown]> {
  if (typeof value === 'boolean') yield [` ${!value}`, !value];
  else if (typeof value === 'number') yield [` ${value + 1}`, value === 255 ? 254 : value + 1];
  else if (typeof value === 'bigint') yield [` ${value + 1n}`, value + 1n];
  else if (value === null) yield [' 1', 1];
  else if (Array.isArray(value)) {
    if (value.length === 0) yield [' [7]', [7]];
    for (const [i, item] of value.slice(0, 3).entries())
      for (const [what, other] of otherValues(item)) yield [`[${i}]${what}`, value.with(i, other)];
    if (value.length > 0) yield [' emptied', []];
  } else if (typeof value === 'object')
    for (const [what, other] of otherFields(value as Record<string, unknown>))
      yield [`.${what}`, { ...value, ...other }];
}
