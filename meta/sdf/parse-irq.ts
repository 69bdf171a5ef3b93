// SPDX-License-Identifier: BSD-2-Clause
// <irq> in its three forms, and x86's <ioport>. Which form it is shows by `irq`, `pin` or `pcidev`, looked for in that
// order, as in the tool; whether the architecture has that form is judged by check/.

import type { AnyIrq, Architecture, IoapicIrq, IoPort, Irq, MsiIrq, Trigger } from '../model.ts';
import type { XmlElement } from '../xml.ts';
import type { SdfReader } from './reader.ts';

export function parseIrq(reader: SdfReader, element: XmlElement, arch: Architecture): AnyIrq | undefined {
  reader.leaf(element);
  const id = reader.requiredDecimal(element, 'id');
  const has = (name: string): boolean => reader.optional(element, name) !== undefined;
  const irq = has('irq')
    ? parseConventional(reader, element)
    : has('pin')
      ? parseIoapic(reader, element)
      : has('pcidev')
        ? parseMsi(reader, element)
        : void reader.required(element, arch === 'x86_64' ? 'pin' : 'irq');
  if (irq === undefined || id === undefined) return undefined;
  const setvarId = reader.optional(element, 'setvar_id');
  return { id, ...irq, ...(setvarId === undefined ? {} : { setvarId }), place: reader.placeOf(element) };
}

function parseConventional(reader: SdfReader, element: XmlElement): Omit<Irq, 'id'> | undefined {
  reader.allow(element, ['irq', 'id', 'setvar_id', 'trigger']);
  const irq = reader.decimal(element, 'irq', 'u64');
  const trigger = parseTrigger(reader, element);
  return irq === undefined ? undefined : { irq, ...trigger };
}

function parseIoapic(reader: SdfReader, element: XmlElement): Omit<IoapicIrq, 'id'> | undefined {
  reader.allow(element, ['id', 'setvar_id', 'ioapic', 'pin', 'trigger', 'polarity', 'vector']);
  const ioapic = reader.decimal(element, 'ioapic');
  const pin = reader.decimal(element, 'pin');
  const trigger = parseTrigger(reader, element);
  const polarity = reader.choice(
    element,
    'polarity',
    ['low', 'high'],
    () => "polarity must be either 'low' or 'high'",
  );
  const vector = reader.requiredDecimal(element, 'vector');
  if (pin === undefined || vector === undefined) return undefined;
  return {
    pin,
    vector,
    ...(ioapic === undefined ? {} : { ioapic }),
    ...trigger,
    ...(polarity === undefined ? {} : { polarity }),
  };
}

function parseMsi(reader: SdfReader, element: XmlElement): Omit<MsiIrq, 'id'> | undefined {
  reader.allow(element, ['id', 'setvar_id', 'pcidev', 'handle', 'vector']);
  const pcidev = reader.optional(element, 'pcidev');
  const handle = reader.requiredDecimal(element, 'handle');
  const vector = reader.requiredDecimal(element, 'vector');
  if (pcidev === undefined || handle === undefined || vector === undefined) return undefined;
  return { pcidev, handle, vector };
}

function parseTrigger(reader: SdfReader, element: XmlElement): { trigger?: Trigger } {
  const trigger = reader.choice(
    element,
    'trigger',
    ['level', 'edge'],
    () => "trigger must be either 'level' or 'edge'",
  );
  return trigger === undefined ? {} : { trigger };
}

export function parseIoPort(reader: SdfReader, element: XmlElement): IoPort | undefined {
  reader.allow(element, ['id', 'setvar_id', 'setvar_addr', 'addr', 'size']);
  reader.leaf(element);
  const id = reader.requiredDecimal(element, 'id');
  const addr = reader.requiredNumber(element, 'addr');
  const size = reader.requiredDecimal(element, 'size');
  if (id === undefined || addr === undefined || size === undefined) return undefined;
  const setvarId = reader.optional(element, 'setvar_id');
  const setvarAddr = reader.optional(element, 'setvar_addr');
  return {
    id,
    addr: Number(addr),
    size,
    ...(setvarId === undefined ? {} : { setvarId }),
    ...(setvarAddr === undefined ? {} : { setvarAddr }),
    place: reader.placeOf(element),
  };
}
