// SPDX-License-Identifier: BSD-2-Clause
// Interrupts and x86 ports: an object that stands for the source, a capability to it for the program, and in the object the
// notification that it signals.

import type { AnyIrq, IoPort, ProtectionDomain } from '../model.ts';
import { hex } from '../units.ts';
import { because } from './because.ts';
import type { CapKind, ObjectKind } from './capdl.ts';
import type { Expectation } from './expect.ts';
import { makeObject, notificationCap, plainCap } from './expect-thread.ts';
import type { ExpectedAttributes, ExpectedObject } from './expected.ts';
import { pdSlot } from './microkit.ts';

export function expectIrq(
  { add, system }: Expectation,
  pd: ProtectionDomain,
  irq: AnyIrq,
  { cnode, notification }: { cnode: ExpectedObject; notification: ExpectedObject },
): void {
  const { object, handler, number, text, attributes } = sourceOf(irq, pd, system.arch === 'riscv64');
  const why = because(
    'irq',
    `${text} of protection domain '${pd.name}' (id ${irq.id})`,
    irq.place ?? pd.place,
  );
  const source: ExpectedObject = add({
    ...makeObject(object, `irq_${number}_${pd.name}`, { owner: pd.name, because: why }, attributes),
    irq: BigInt(number),
  });
  source.slots.set(0, notificationCap(notification, 1n << BigInt(irq.id), why));
  cnode.slots.set(pdSlot.irqs + irq.id, plainCap(handler, source));
}

interface Source {
  readonly object: ObjectKind;
  readonly handler: CapKind;
  readonly number: number;
  readonly text: string;
  readonly attributes: ExpectedAttributes;
}

function sourceOf(irq: AnyIrq, pd: ProtectionDomain, isRiscv: boolean): Source {
  if ('irq' in irq) {
    const trigger = irq.trigger === 'edge' ? 1n : 0n;
    return {
      object: isRiscv ? 'RiscvIrq' : 'ArmIrq',
      handler: isRiscv ? 'RiscvIrqHandler' : 'ArmIrqHandler',
      number: irq.irq,
      text: `interrupt ${irq.irq}`,
      attributes: isRiscv ? { trigger } : { trigger, target: BigInt(pd.cpu ?? 0) },
    };
  }
  if ('pin' in irq)
    return {
      object: 'IrqIOApic',
      handler: 'IrqIOApicHandler',
      number: irq.vector,
      text: `pin ${irq.pin} of I/O APIC ${irq.ioapic ?? 0}`,
      attributes: {
        ioapic: BigInt(irq.ioapic ?? 0),
        pin: BigInt(irq.pin),
        level: irq.trigger === 'edge' ? 0n : 1n,
        polarity: irq.polarity === 'low' ? 1n : 0n,
      },
    };
  return {
    object: 'IrqMsi',
    handler: 'IrqMsiHandler',
    number: irq.vector,
    text: `MSI of ${irq.pcidev}`,
    attributes: { handle: BigInt(irq.handle), ...pciAttributes(irq.pcidev) },
  };
}

/** `bus:device.function`, hexadecimal. */
export function pciAttributes(text: string): { bus: bigint; device: bigint; function: bigint } {
  const [bus = '0', device = '0', fn = '0'] = text.split(/[:.]/);
  const value = (digits: string): bigint => (/^[0-9a-f]{1,8}$/i.test(digits) ? BigInt(`0x${digits}`) : 0n);
  return { bus: value(bus), device: value(device), function: value(fn) };
}

export function expectIoPort(
  { add }: Expectation,
  pd: ProtectionDomain,
  { id, addr, size, place }: IoPort,
  cnode: ExpectedObject,
): void {
  const why = because(
    'ioport',
    `I/O ports [${hex(addr)}..${hex(addr + size)}) of protection domain '${pd.name}' (id ${id})`,
    place ?? pd.place,
  );
  const object = add(
    makeObject(
      'IOPorts',
      `ioports_${hex(addr)}_${pd.name}`,
      { owner: pd.name, because: why },
      {
        start: BigInt(addr),
        end: BigInt(addr + size - 1),
      },
    ),
  );
  cnode.slots.set(pdSlot.ioPorts + id, plainCap('IOPorts', object));
}
