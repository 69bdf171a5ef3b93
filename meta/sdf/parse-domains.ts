// SPDX-License-Identifier: BSD-2-Clause
// <domains>: names, and the schedule that the kernel runs round and round.

import type { DomainSchedule, ScheduleEntry } from '../model.ts';
import type { XmlElement } from '../xml.ts';
import { abbreviate, type SdfReader } from './reader.ts';

export function parseDomains(reader: SdfReader, element: XmlElement): DomainSchedule {
  reader.allow(element, []);
  reader.noText(element);
  const domains: DomainSchedule['domains'][number][] = [];
  const schedules: XmlElement[] = [];
  for (const child of element.children)
    if (child.name === 'domain') domains.push(...parseDomain(reader, child));
    else if (child.name === 'domain_schedule') schedules.push(child);
    else
      reader.say(
        'SDF708',
        `invalid XML element as child of <domains> '${child.name}'`,
        child,
        "use 'domain' and 'domain_schedule'",
      );
  const [schedule, ...more] = schedules;
  if (schedule === undefined)
    reader.error(
      'SDF770',
      'The <domain_schedule> element must appear once',
      element,
      'add the schedule of the domains',
    );
  for (const again of more)
    reader.error('SDF771', 'The <domain_schedule> element can only appear once', again, 'put them together');
  return {
    domains,
    entries: [],
    ...(schedule === undefined ? {} : parseSchedule(reader, schedule)),
    place: reader.placeOf(element),
  };
}

function parseDomain(reader: SdfReader, element: XmlElement): DomainSchedule['domains'][number][] {
  reader.allow(element, ['name', 'id']);
  reader.leaf(element);
  const name = reader.required(element, 'name');
  const id = reader.number(element, 'id');
  if (name === undefined) return [];
  return [{ name, ...(id === undefined ? {} : { id: Number(id) }), place: reader.placeOf(element) }];
}

function parseSchedule(
  reader: SdfReader,
  element: XmlElement,
): Pick<DomainSchedule, 'entries' | 'startIndex' | 'indexShift' | 'schedulePlace'> {
  reader.allow(element, ['index_shift', 'start_index']);
  reader.noText(element);
  const startIndex = reader.number(element, 'start_index');
  const indexShift = reader.number(element, 'index_shift');
  const entries = element.children.flatMap((child): ScheduleEntry[] => {
    if (child.name === 'schedule_entry') return [parseEntry(reader, child)];
    if (child.name === 'schedule_end_marker') {
      reader.allow(child, []);
      reader.leaf(child);
      return [{ end: true, place: reader.placeOf(child) }];
    }
    reader.say(
      'SDF708',
      `invalid XML element as child of <domain_schedule> '${child.name}'`,
      child,
      "use 'schedule_entry' and 'schedule_end_marker'",
    );
    return [];
  });
  return {
    entries,
    schedulePlace: reader.placeOf(element),
    ...(startIndex === undefined ? {} : { startIndex }),
    ...(indexShift === undefined ? {} : { indexShift }),
  };
}

function parseEntry(reader: SdfReader, element: XmlElement): ScheduleEntry {
  reader.allow(element, ['domain', 'duration']);
  reader.leaf(element);
  const domain = reader.required(element, 'domain');
  const text = reader.required(element, 'duration');
  const place = reader.placeOf(element);
  // What cannot be read still takes its place in the schedule.
  if (domain === undefined || text === undefined) return { end: true, place };
  return { domain, ...parseDuration(reader, element, text), place };
}

function parseDuration(
  reader: SdfReader,
  element: XmlElement,
  text: string,
): { readonly duration: bigint; readonly unit: 'us' | 'ticks' } {
  const blank = text.indexOf(' ');
  const unit = text.slice(blank + 1);
  if (blank === -1)
    reader.error(
      'SDF772',
      `The duration '${abbreviate(text)}' must contain a value and a unit, e.g. '1000 us'`,
      element,
      "write a number, a blank, and 'us' or 'ticks'",
    );
  else if (unit !== 'us' && unit !== 'ticks')
    reader.error(
      'SDF773',
      `The duration '${abbreviate(text)}' must be in either 'ticks' or 'us'`,
      element,
      'write one of the two',
    );
  const duration = blank === -1 ? undefined : reader.parseNumber(element, text.slice(0, blank));
  return { duration: duration ?? 1n, unit: unit === 'ticks' ? 'ticks' : 'us' };
}
