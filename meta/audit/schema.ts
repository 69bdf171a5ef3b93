// SPDX-License-Identifier: BSD-2-Clause
// The form of a capDL specification as Microkit 2.3 writes it with --capdl-json: serde's JSON of the types of
// sel4-capdl-initializer. An unknown kind, a missing or an unknown field is an error: what is not understood cannot be
// explained.

import { z } from 'zod';
import type { Attributes, Cap, CapdlObject, CapKind, DomainSlice, Fill, ObjectKind, Slot } from './capdl.ts';
import { auditLimits } from './limits.ts';

const u8 = z.int().min(0).max(255).transform(BigInt);
const u32 = z.int().min(0).max(0xffff_ffff);
const word = z
  .union([z.int().min(0), z.bigint().min(0n).max(0xffff_ffff_ffff_ffffn)])
  .transform((value) => BigInt(value));
const optionalWord = word.nullable().transform((value) => value ?? undefined);

const rights = z
  .strictObject({ read: z.boolean(), write: z.boolean(), grant: z.boolean(), grant_reply: z.boolean() })
  .transform(
    ({ read, write, grant, grant_reply: grantReply }) =>
      `${read ? 'r' : ''}${write ? 'w' : ''}${grant ? 'g' : ''}${grantReply ? 'p' : ''}`,
  );

/** serde writes a variant without fields as its name, one with fields as an object of that one name. */
function oneOf<T>(
  what: string,
  plain: Readonly<Record<string, T>>,
  variants: Readonly<Record<string, z.ZodType<T>>>,
): z.ZodType<T> {
  const schemas = new Map(Object.entries(variants));
  const values = new Map(Object.entries(plain));
  return z.unknown().transform((value, context): T => {
    const [tag, ...more] =
      typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
    const schema = tag === undefined || more.length > 0 ? undefined : schemas.get(tag);
    if (tag !== undefined && schema !== undefined) {
      const result = schema.safeParse((value as Record<string, unknown>)[tag]);
      if (result.success) return result.data;
      for (const { path, message } of result.error.issues)
        context.addIssue({ code: 'custom', path: [tag, ...path], message });
      return z.NEVER;
    }
    if (typeof value === 'string' && values.has(value)) return values.get(value) as T;
    const name = typeof value === 'string' ? value : tag;
    context.addIssue({
      code: 'custom',
      message: `unknown kind of ${what}${name === undefined ? '' : ` '${name.slice(0, 40)}'`}`,
    });
    return z.NEVER;
  });
}

// ---- capabilities --------------------------------------------------------------------------------------------------

const capOf = <Shape extends z.ZodRawShape>(
  kind: CapKind,
  shape: Shape,
  attributes: (fields: z.output<z.ZodObject<Shape>>) => Attributes,
): z.ZodType<Cap> =>
  z.strictObject({ object: u32, ...shape }).transform((fields): Cap => {
    const { object } = fields as { object: number };
    return { kind, object, attributes: attributes(fields as z.output<z.ZodObject<Shape>>) };
  });

const none: Attributes = {};
const badged = { badge: word, rights };

const plainCaps = [
  'Untyped',
  'Tcb',
  'IrqHandler',
  'VCpu',
  'PageTable',
  'AsidPool',
  'IOSpace',
  'IOPageTable',
  'ArmIrqHandler',
  'IrqMsiHandler',
  'IrqIOApicHandler',
  'RiscvIrqHandler',
  'IOPorts',
  'SchedContext',
  'Reply',
  'ArmSmc',
  'DomainSet',
] as const satisfies readonly CapKind[];

const cap = oneOf<Cap>(
  'capability',
  {},
  {
    ...Object.fromEntries(plainCaps.map((kind) => [kind, capOf(kind, {}, () => none)])),
    Endpoint: capOf('Endpoint', badged, ({ badge, rights }) => ({ badge, rights })),
    Notification: capOf('Notification', badged, ({ badge, rights }) => ({ badge, rights })),
    CNode: capOf('CNode', { guard: word, guard_size: u8 }, ({ guard, guard_size: guardSize }) => ({
      guard,
      guardSize,
    })),
    Frame: capOf(
      'Frame',
      { rights, cached: z.boolean(), executable: z.boolean() },
      ({ rights, cached, executable }) => ({ rights, cached, executable }),
    ),
  },
);

const slots: z.ZodType<Slot[]> = z.array(z.strictObject({ slot: u32, cap }));

// ---- objects -------------------------------------------------------------------------------------------------------

type Body = Omit<CapdlObject, 'name'>;

const objectOf = <Shape extends z.ZodRawShape>(
  kind: ObjectKind,
  shape: Shape,
  body: (fields: z.output<z.ZodObject<Shape>>) => {
    attributes: Attributes;
    slots?: readonly Slot[];
    fill?: readonly Fill[];
  },
): z.ZodType<Body> =>
  z.strictObject(shape).transform((fields): Body => {
    const { attributes, slots: caps = [], fill = [] } = body(fields);
    return { kind, attributes, slots: caps, fill };
  });

const range = z.strictObject({ start: word, end: word });

const fillContent = oneOf<Fill['content'] & { readonly bytesLength?: bigint }>(
  'content of a frame',
  {},
  {
    Data: oneOf<Fill['content'] & { readonly bytesLength?: bigint }>(
      'data of a frame',
      {},
      {
        ElfContent: z
          .strictObject({ elf_id: u32, elf_seg_idx: u32, elf_seg_data_range: range })
          .transform(({ elf_id: elf, elf_seg_idx: segment, elf_seg_data_range: data }) => ({
            kind: 'elf' as const,
            elf,
            segment,
            from: data.start,
            bytesLength: data.end - data.start,
          })),
        BytesContent: z.strictObject({ bytes: z.array(z.int().min(0).max(255)) }).transform(({ bytes }) => ({
          kind: 'bytes' as const,
          bytes: Uint8Array.from(bytes),
          bytesLength: BigInt(bytes.length),
        })),
      },
    ),
    BootInfo: z
      .strictObject({
        id: z.enum(['Padding', 'X86Vbe', 'X86Mbmmap', 'X86AcpiRsdp', 'X86FrameBuffer', 'X86TscFreq', 'Fdt']),
        offset: word,
      })
      .transform(({ id, offset }) => ({ kind: 'bootinfo' as const, id, offset })),
  },
);

const fills = z.array(
  z
    .strictObject({ range, content: fillContent })
    .refine(
      ({ range: { start, end }, content: { bytesLength } }) =>
        bytesLength === undefined || bytesLength === end - start,
      { message: 'as many bytes are written as the range does not have' },
    )
    .transform(({ range: { start, end }, content }): Fill => ({ start, end, content })),
);

const tcb = z.strictObject({
  ipc_buffer_addr: word,
  affinity: word,
  prio: u8,
  max_prio: u8,
  fpu_disabled: z.boolean(),
  resume: z.boolean(),
  domain: u8.nullable(),
  ip: word,
  sp: word,
  gprs: z.array(word).max(64),
  master_fault_ep: optionalWord,
});

const bodyWithoutFields = (kind: ObjectKind): Body => ({ kind, attributes: none, slots: [], fill: [] });
const pci = z.strictObject({ bus: u8, device: u8, function: u8 });

const objectBody = oneOf<Body>(
  'object',
  Object.fromEntries(
    (['Endpoint', 'Notification', 'VCpu', 'Reply', 'ArmSmc', 'DomainSet'] as const).map((kind) => [
      kind,
      bodyWithoutFields(kind),
    ]),
  ),
  {
    Untyped: objectOf(
      'Untyped',
      { size_bits: u8, paddr: optionalWord },
      ({ size_bits: sizeBits, paddr }) => ({
        attributes: { sizeBits, paddr },
      }),
    ),
    CNode: objectOf('CNode', { size_bits: u8, slots }, ({ size_bits: sizeBits, slots: caps }) => ({
      attributes: { sizeBits },
      slots: caps,
    })),
    Tcb: objectOf('Tcb', { slots, extra: tcb }, ({ slots: caps, extra }) => ({
      attributes: {
        ipcBuffer: extra.ipc_buffer_addr,
        affinity: extra.affinity,
        priority: extra.prio,
        maxPriority: extra.max_prio,
        fpuDisabled: extra.fpu_disabled,
        resume: extra.resume,
        domain: extra.domain ?? undefined,
        ip: extra.ip,
        sp: extra.sp,
        registers: extra.gprs.join(' '),
        masterFaultEndpoint: extra.master_fault_ep,
      },
      slots: caps,
    })),
    Irq: objectOf('Irq', { slots }, ({ slots: caps }) => ({ attributes: none, slots: caps })),
    Frame: objectOf(
      'Frame',
      { size_bits: u8, paddr: optionalWord, init: z.strictObject({ entries: fills }) },
      ({ size_bits: sizeBits, paddr, init }) => ({ attributes: { sizeBits, paddr }, fill: init.entries }),
    ),
    PageTable: objectOf(
      'PageTable',
      { x86_ept: z.boolean(), is_root: z.boolean(), level: u8.nullable(), slots },
      ({ x86_ept: ept, is_root: root, level, slots: caps }) => ({
        attributes: { ept, root, level: level ?? undefined },
        slots: caps,
      }),
    ),
    AsidPool: objectOf('AsidPool', { high: word }, ({ high }) => ({ attributes: { high } })),
    IOSpace: objectOf(
      'IOSpace',
      { slots, domain_id: word, pci_device: pci },
      ({ slots: caps, domain_id: domainId, pci_device: { bus, device, function: fn } }) => ({
        attributes: { domainId, bus, device, function: fn },
        slots: caps,
      }),
    ),
    IOPageTable: objectOf('IOPageTable', { slots, level: word }, ({ slots: caps, level }) => ({
      attributes: { level },
      slots: caps,
    })),
    ArmIrq: objectOf(
      'ArmIrq',
      { slots, extra: z.strictObject({ trigger: u8, target: word }) },
      ({ slots: caps, extra }) => ({ attributes: extra, slots: caps }),
    ),
    RiscvIrq: objectOf(
      'RiscvIrq',
      { slots, extra: z.strictObject({ trigger: u8 }) },
      ({ slots: caps, extra }) => ({ attributes: extra, slots: caps }),
    ),
    IrqMsi: objectOf(
      'IrqMsi',
      {
        slots,
        extra: z.strictObject({ handle: word, pci_bus: word, pci_dev: word, pci_func: word }),
      },
      ({ slots: caps, extra: { handle, pci_bus: bus, pci_dev: device, pci_func: fn } }) => ({
        attributes: { handle, bus, device, function: fn },
        slots: caps,
      }),
    ),
    IrqIOApic: objectOf(
      'IrqIOApic',
      { slots, extra: z.strictObject({ ioapic: word, pin: word, level: word, polarity: word }) },
      ({ slots: caps, extra }) => ({ attributes: extra, slots: caps }),
    ),
    IOPorts: objectOf(
      'IOPorts',
      { start_port: word, end_port: word },
      ({ start_port: start, end_port: end }) => ({ attributes: { start, end } }),
    ),
    SchedContext: objectOf(
      'SchedContext',
      { size_bits: u8, extra: z.strictObject({ period: word, budget: word, badge: word }) },
      ({ size_bits: sizeBits, extra }) => ({ attributes: { sizeBits, ...extra } }),
    ),
  },
);

// ---- the whole -----------------------------------------------------------------------------------------------------

const duration = oneOf<Omit<DomainSlice, 'domain'>>(
  'duration',
  { EndMarker: { duration: undefined, unit: undefined } },
  {
    Us: word.transform((value) => ({ duration: value, unit: 'us' as const })),
    Ticks: word.transform((value) => ({ duration: value, unit: 'ticks' as const })),
  },
);

export const capdlSchema = z.strictObject({
  objects: z
    .array(
      z
        .strictObject({ name: z.string().min(1), object: objectBody })
        .transform(({ name, object }): CapdlObject => ({ name, ...object })),
    )
    .max(auditLimits.objects),
  irqs: z.array(z.strictObject({ irq: word, handler: u32 })),
  domain_schedule: z
    .array(
      z
        .strictObject({ domain: z.int().min(0).max(255), duration })
        .transform(({ domain, duration: time }): DomainSlice => ({ domain, ...time })),
    )
    .nullable(),
  domain_set_start: optionalWord,
  domain_idx_shift: optionalWord,
  // The Microkit tool leaves these to the initialiser. If they held anything, it would be authority.
  asid_slots: z.array(z.unknown()).max(0, { message: 'ASID pools, of which Microkit makes none' }),
  root_objects: z.strictObject({ start: u32, end: u32 }),
  untyped_covers: z.array(z.unknown()).max(0, { message: 'untyped covers, of which Microkit makes none' }),
  cached_orig_cap_slots: z.null({ message: 'slots of original capabilities, which Microkit leaves open' }),
  log_level: z.null({ message: 'a log level, which Microkit leaves open' }),
});
