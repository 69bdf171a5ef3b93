// SPDX-License-Identifier: BSD-2-Clause
// <virtual_machine>: vCPUs and the guest's memory.

import type { Mapping, Vcpu, VirtualMachine } from '../model.ts';
import type { XmlElement } from '../xml.ts';
import { parseMap } from './parse-map.ts';
import { parseScheduling } from './parse-pd.ts';
import type { SdfReader } from './reader.ts';
import type { Regions } from './regions.ts';

export function parseVm(
  reader: SdfReader,
  element: XmlElement,
  regions: Regions,
): VirtualMachine | undefined {
  reader.allow(element, ['name', 'budget', 'period', 'priority']);
  reader.noText(element);
  const name = reader.required(element, 'name');
  const vcpus: Vcpu[] = [];
  const maps: Mapping[] = [];
  for (const child of element.children)
    if (child.name === 'vcpu') vcpus.push(parseVcpu(reader, child, vcpus.length));
    else if (child.name === 'map') maps.push(...present(parseMap(reader, child, regions, { inVm: true })));
    else
      reader.say(
        'SDF708',
        `invalid XML element '${child.name}'`,
        child,
        reader.suggest(child.name, ['vcpu', 'map']),
      );
  if (name === undefined) return undefined;
  return { name, ...parseScheduling(reader, element), vcpus, maps, place: reader.placeOf(element) };
}

/** `index` stands in for an id that cannot be read. */
function parseVcpu(reader: SdfReader, element: XmlElement, index: number): Vcpu {
  reader.allow(element, ['id', 'setvar_id', 'cpu']);
  reader.leaf(element);
  const id = reader.requiredDecimal(element, 'id', 'u64');
  const cpu = reader.number(element, 'cpu');
  const setvarId = reader.optional(element, 'setvar_id');
  return {
    id: id ?? index,
    ...(cpu === undefined ? {} : { cpu: Number(cpu) }),
    ...(setvarId === undefined ? {} : { setvarId }),
    place: reader.placeOf(element),
  };
}

const present = <Item>(item: Item | undefined): Item[] => (item === undefined ? [] : [item]);
