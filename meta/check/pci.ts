// SPDX-License-Identifier: BSD-2-Clause
// Addresses of PCI devices, `bus:device.function`, each hexadecimal, as the Microkit tool reads them.

/** Why `text` is none, in the tool's words. */
export function pciFault(text: string): string | undefined {
  const parsed = parsePci(text);
  return typeof parsed === 'string' ? parsed : undefined;
}

/** As the tool writes a device, `00:1f.2`; undefined if `text` is none. */
export function pciName(text: string): string | undefined {
  const parsed = parsePci(text);
  if (typeof parsed === 'string') return undefined;
  const [bus, device, fn] = parsed.map((part) => part.toString(16));
  return `${bus?.padStart(2, '0')}:${device?.padStart(2, '0')}.${fn}`;
}

function parsePci(text: string): number[] | string {
  const [, bus, device, fn] = /^([^:]*):([^.]*)[.]([^]*)$/.exec(text) ?? [];
  const parts = [
    { name: 'bus', text: bus, max: 255 },
    { name: 'device', text: device, max: 31 },
    { name: 'function', text: fn, max: 7 },
  ];
  const numbers: number[] = [];
  for (const part of parts) {
    if (part.text === undefined) return 'expected PCI address in bus:device.function form';
    const digits = part.text.trim();
    if (!/^[+-]?[0-9a-fA-F]{1,16}$/.test(digits)) return `failed to parse PCI ${part.name}`;
    const value = Number.parseInt(digits, 16);
    if (value < 0 || value > part.max) return `PCI ${part.name} must be within [0..${part.max}]`;
    numbers.push(value);
  }
  return numbers;
}
