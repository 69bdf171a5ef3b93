// SPDX-License-Identifier: BSD-2-Clause
// Writes a capDL specification as the Microkit tool would, for tests without an SDK and for architectures whose kernels no
// SDK here has. It is made from what the audit expects, so it proves nothing about the tool: the tests with the real one do.
import { expectImage, type ExpectOptions } from '../../meta/audit/expect.ts';
import {
  anyValue,
  type ExpectedMemory,
  type ExpectedObject,
  type ExpectedSpace,
} from '../../meta/audit/expected.ts';
import { ioSpace, vspaceShape } from '../../meta/audit/microkit.ts';
import type { SystemDescription } from '../../meta/model.ts';
import type { Spec } from './audit-mutants.ts';

interface Written {
  readonly name: string;
  readonly kind: string;
  readonly body: Record<string, unknown>;
  readonly slots: { slot: number; cap: Record<string, Record<string, unknown>> }[];
}

/** Programs need no pages: those of `options` get some. */
export function writeCapdl(system: SystemDescription, options: ExpectOptions = {}): Spec {
  const shape = vspaceShape(system.arch, system.arch === 'aarch64' ? 1 : 0);
  if (shape === undefined) throw new Error(system.arch);
  const full = { ...shape, ipcBuffer: shape.ipcBuffer ?? 0x3f_ffff_f000n };
  const numbers = new Map((system.domains?.domains ?? []).map(({ name, id }, i) => [name, id ?? i + 8]));
  const image = expectImage(system, full, numbers, options);
  const written: Written[] = [];
  const ids = new Map<object, number>();
  const add = (key: object, object: Written): number => {
    ids.set(key, written.length);
    written.push(object);
    return written.length - 1;
  };
  const frames = new Map<ExpectedMemory, number[]>();
  for (const memory of image.memories)
    frames.set(
      memory,
      writeFrames(memory, (object) => add({}, object)),
    );
  for (const object of image.objects)
    add(object, { ...bodyOf(object), name: object.name, kind: object.kind, slots: [] });
  const idOf = (object: ExpectedObject): number =>
    (object.memory === undefined ? ids.get(object) : frames.get(object.memory)?.[0]) ?? -1;
  for (const object of image.objects) {
    const slots = written[idOf(object)]?.slots ?? [];
    for (const [slot, { kind, target, attributes }] of object.slots)
      slots.push({ slot, cap: { [kind]: { object: idOf(target), ...capFields(attributes) } } });
    if (object.space !== undefined) writeTables(object.space, full, { written, root: idOf(object), frames });
  }
  return {
    objects: written.map(({ name, kind, body, slots }) => ({
      name,
      object: withoutFields.has(kind) ? kind : { [kind]: withSlots.has(kind) ? { ...body, slots } : body },
    })),
    irqs: image.objects.flatMap((object) =>
      object.irq === undefined ? [] : [{ irq: Number(object.irq), handler: idOf(object) }],
    ),
    domain_schedule:
      system.domains?.entries.map((entry) =>
        'end' in entry
          ? { domain: 0, duration: 'EndMarker' }
          : {
              domain: numbers.get(entry.domain),
              duration: { [entry.unit === 'us' ? 'Us' : 'Ticks']: Number(entry.duration) },
            },
      ) ?? null,
    domain_set_start: system.domains === undefined ? null : Number(system.domains.startIndex ?? 0n),
    domain_idx_shift: system.domains?.indexShift === undefined ? null : Number(system.domains.indexShift),
    asid_slots: [],
    root_objects: { start: 0, end: written.length },
    untyped_covers: [],
    cached_orig_cap_slots: null,
    log_level: null,
  };
}

const withoutFields = new Set(['Endpoint', 'Notification', 'VCpu', 'Reply', 'ArmSmc']);
const withSlots = new Set(
  'CNode Tcb PageTable IOSpace IOPageTable ArmIrq RiscvIrq IrqMsi IrqIOApic'.split(' '),
);

function writeFrames(memory: ExpectedMemory, add: (object: Written) => number): number[] {
  const isAligned = memory.sizeBytes % 0x20_0000n === 0n && memory.pageBits.includes(21);
  const bits = isAligned ? 21 : (memory.pageBits[0] ?? 12);
  const bytes = 1n << BigInt(bits);
  const base = memory.paddr === 'contiguous' ? 0x7000_0000n : memory.paddr;
  return Array.from({ length: Number(memory.sizeBytes / bytes) }, (_, index) => {
    const offset = bytes * BigInt(index);
    return add({
      name: memory.frameName(index),
      kind: 'Frame',
      slots: [],
      body: {
        size_bits: bits,
        paddr: base === undefined ? null : base + offset,
        init: { entries: fillOf(memory, offset, bytes) },
      },
    });
  });
}

function fillOf({ fill, sizeBytes }: ExpectedMemory, offset: bigint, pageBytes: bigint): object[] {
  const end = (all: bigint): number => Number(all - offset < pageBytes ? all - offset : pageBytes);
  if (fill.kind === 'none') return [];
  if (fill.kind === 'bootinfo')
    return [
      {
        range: { start: 0, end: end(sizeBytes) },
        content: { BootInfo: { id: fill.id, offset: Number(offset) } },
      },
    ];
  if (fill.kind === 'file') {
    const bytes = [...(fill.bytes ?? [1, 2, 3])].slice(Number(offset), Number(offset + pageBytes));
    if (bytes.length === 0) return [];
    return [{ range: { start: 0, end: bytes.length }, content: { Data: { BytesContent: { bytes } } } }];
  }
  const start = offset === 0n ? fill.offset : 0n;
  const from = offset === 0n ? 0n : offset - fill.offset;
  const stop = end(fill.offset + fill.sizeBytes);
  const data = { start: Number(from), end: Number(from) + stop - Number(start) };
  return [
    {
      range: { start: Number(start), end: stop },
      content: {
        Data: { ElfContent: { elf_id: fill.elf, elf_seg_idx: fill.segment, elf_seg_data_range: data } },
      },
    },
  ];
}

function writeTables(
  space: ExpectedSpace,
  shape: { readonly rootLevel: number; readonly levelBits: readonly number[] },
  {
    written,
    root,
    frames,
  }: { written: Written[]; root: number; frames: ReadonlyMap<ExpectedMemory, number[]> },
): void {
  const isIo = space.kind === 'iospace';
  const bits = isIo ? ioSpace.levelBits : shape.levelBits;
  const kind = isIo ? 'IOPageTable' : 'PageTable';
  const child = (parent: number, slot: number, level: number, address: bigint): number => {
    const slots = written[parent]?.slots ?? [];
    const known = slots.find((entry) => entry.slot === slot)?.cap[kind]?.['object'];
    if (typeof known === 'number') return known;
    const body = isIo
      ? { level }
      : { x86_ept: space.kind === 'ept', is_root: false, level: shape.rootLevel + level };
    written.push({ name: `table_${level}_${space.owner}_${space.kind}_${address}`, kind, body, slots: [] });
    slots.push({ slot, cap: { [kind]: { object: written.length - 1 } } });
    return written.length - 1;
  };
  for (const { memory, start, rights, cached, executable } of space.ranges) {
    const ids = frames.get(memory) ?? [];
    const pageBytes = memory.sizeBytes / BigInt(ids.length);
    for (const [i, object] of ids.entries()) {
      const address = start + BigInt(i) * pageBytes;
      let table = isIo ? child(root, 0, 0, 0n) : root;
      for (const [level, width] of bits.entries()) {
        const shift = BigInt(12 + bits.slice(level + 1).reduce((sum, more) => sum + more, 0));
        const slot = Number((address >> shift) & ((1n << BigInt(width)) - 1n));
        if (1n << shift === pageBytes) {
          const cap = { Frame: { object, rights: rightsFields(rights), cached, executable } };
          written[table]?.slots.push({ slot, cap });
          break;
        }
        table = child(table, slot, level + 1, (address >> shift) << shift);
      }
    }
  }
}

const rightsFields = (rights: string): object => ({
  read: rights.includes('r'),
  write: rights.includes('w'),
  grant: rights.includes('g'),
  grant_reply: false,
});

function capFields(attributes: ExpectedObject['attributes']): Record<string, unknown> {
  const names: Record<string, string> = { guardSize: 'guard_size' };
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      names[name] ?? name,
      typeof value === 'string' ? rightsFields(value) : name === 'guardSize' ? Number(value) : value,
    ]),
  );
}

/** From the audit's names to serde's. */
function bodyOf({ kind, attributes }: ExpectedObject): Pick<Written, 'body'> {
  const value = (name: string): bigint | boolean | null => {
    const found = attributes[name];
    return found === anyValue ? 0x20_0000n : typeof found === 'string' ? null : (found ?? null);
  };
  const small = (name: string): number | null => {
    const found = value(name);
    return typeof found === 'bigint' ? Number(found) : null;
  };
  const pci = { bus: small('bus'), device: small('device'), function: small('function') };
  const bodies: Record<string, () => Record<string, unknown>> = {
    CNode: () => ({ size_bits: small('sizeBits') }),
    PageTable: () => ({ x86_ept: value('ept'), is_root: value('root'), level: small('level') }),
    IOPageTable: () => ({ level: small('level') }),
    IOSpace: () => ({ domain_id: value('domainId'), pci_device: pci }),
    IOPorts: () => ({ start_port: value('start'), end_port: value('end') }),
    ArmIrq: () => ({ extra: { trigger: small('trigger'), target: value('target') } }),
    RiscvIrq: () => ({ extra: { trigger: small('trigger') } }),
    IrqMsi: () => ({
      extra: { handle: value('handle'), pci_bus: pci.bus, pci_dev: pci.device, pci_func: pci.function },
    }),
    IrqIOApic: () => ({
      extra: {
        ioapic: value('ioapic'),
        pin: value('pin'),
        level: value('level'),
        polarity: value('polarity'),
      },
    }),
    SchedContext: () => ({
      size_bits: small('sizeBits'),
      extra: { period: value('period'), budget: value('budget'), badge: value('badge') },
    }),
    Tcb: () => ({
      extra: {
        ipc_buffer_addr: value('ipcBuffer'),
        affinity: value('affinity'),
        prio: small('priority'),
        max_prio: small('maxPriority'),
        fpu_disabled: value('fpuDisabled'),
        resume: value('resume'),
        domain: small('domain'),
        ip: value('ip'),
        sp: value('sp'),
        gprs: [],
        master_fault_ep: null,
      },
    }),
  };
  return { body: bodies[kind]?.() ?? {} };
}

/** As the tool prints it. */
export const printCapdl = (spec: Spec): string => {
  const marked = JSON.stringify(
    spec,
    (_name, item: unknown) => (typeof item === 'bigint' ? `bigint ${item}` : item),
    2,
  );
  return marked.replaceAll(/"bigint ([0-9]+)"/g, '$1');
};
