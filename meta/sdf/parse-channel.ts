// SPDX-License-Identifier: BSD-2-Clause
// <channel> and its two ends.

import type { Channel, ChannelEnd } from '../model.ts';
import type { XmlElement } from '../xml.ts';
import type { Mutable, SdfReader } from './reader.ts';

/** A channel that has but one end that can be read is not described; that end comes to the others in `lone`. */
export function parseChannel(
  reader: SdfReader,
  element: XmlElement,
  lone: ChannelEnd[],
): Channel | undefined {
  reader.allow(element, []);
  reader.noText(element);
  const place = reader.placeOf(element);
  const ends: (ChannelEnd | undefined)[] = [];
  for (const child of element.children)
    if (child.name === 'end') ends.push(parseEnd(reader, child));
    else reader.say('SDF708', `invalid XML element '${child.name}'`, child, "use 'end' twice");
  if (element.children.length !== 2)
    reader.error(
      'SDF750',
      'exactly two end elements must be specified',
      element,
      `name the two protection domains that it connects; it has ${element.children.length} elements`,
    );
  const [a, b] = ends;
  if (a === undefined || b === undefined || ends.length !== 2) {
    lone.push(...ends.filter((end) => end !== undefined));
    return undefined;
  }
  return { a, b, place };
}

function parseEnd(reader: SdfReader, element: XmlElement): ChannelEnd | undefined {
  reader.allow(element, ['pd', 'id', 'pp', 'notify', 'setvar_id']);
  reader.leaf(element);
  const pd = reader.required(element, 'pd');
  const id = reader.requiredDecimal(element, 'id');
  const notify = reader.bool(element, 'notify');
  const pp = reader.bool(element, 'pp');
  const setvarId = reader.optional(element, 'setvar_id');
  if (pd === undefined || id === undefined) return undefined;
  const end: Mutable<ChannelEnd> = { pd, id, place: reader.placeOf(element) };
  if (notify !== undefined) end.notify = notify;
  if (pp !== undefined) end.pp = pp;
  if (setvarId !== undefined) end.setvarId = setvarId;
  return end;
}
