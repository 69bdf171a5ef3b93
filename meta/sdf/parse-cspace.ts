// SPDX-License-Identifier: BSD-2-Clause
// <cspace>: capabilities that a protection domain gets in slots of its own choice.

import type { CapMap } from '../model.ts';
import type { XmlElement } from '../xml.ts';
import type { SdfReader } from './reader.ts';

const kinds = ['tcb', 'sc', 'vspace'] as const;

export function parseCspace(reader: SdfReader, element: XmlElement): CapMap[] {
  reader.allow(element, []);
  reader.noText(element);
  return element.children.flatMap((child): CapMap[] => {
    const kind = kinds.find((candidate) => child.name === `cap_${candidate}`);
    if (kind !== undefined) return parseCapMap(reader, child, kind);
    const { file, line, column } = reader.placeOf(child);
    const what = child.name.startsWith('cap_')
      ? `Cap type: '${child.name.slice(4)}' is not supported`
      : `Element '${child.name}' is not supported in a <cspace> element`;
    reader.say(
      'SDF740',
      `${what} at '${file}:${line}:${column}'`,
      child,
      'use cap_tcb, cap_sc or cap_vspace',
    );
    return [];
  });
}

function parseCapMap(reader: SdfReader, element: XmlElement, kind: CapMap['kind']): CapMap[] {
  reader.allow(element, ['slot', 'pd']);
  reader.leaf(element);
  const pd = reader.required(element, 'pd');
  const slot = reader.requiredNumber(element, 'slot');
  if (pd === undefined || slot === undefined) return [];
  return [{ kind, pd, slot: Number(slot), place: reader.placeOf(element) }];
}
