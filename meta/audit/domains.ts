// SPDX-License-Identifier: BSD-2-Clause
// The domain schedule: who gets the processor when, whatever anybody's priority. The tool numbers the domains that the
// description leaves open in an order of its own, so those are learnt from the image: one number per domain, none twice.

import { allPds, type ScheduleEntry, type SystemDescription } from '../model.ts';
import { because } from './because.ts';
import type { Capdl, DomainSlice } from './capdl.ts';
import type { Matcher } from './match.ts';

/** By name. What the image cannot tell is missing. */
export function domainNumbers(system: SystemDescription, capdl: Capdl): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  const taken = new Set<number>();
  const learn = (name: string, number: number): void => {
    if (numbers.has(name) || taken.has(number)) return;
    numbers.set(name, number);
    taken.add(number);
  };
  for (const { name, id } of system.domains?.domains ?? []) if (id !== undefined) learn(name, id);
  for (const [i, entry] of (system.domains?.entries ?? []).entries()) {
    const slice = capdl.domainSchedule?.[i];
    if ('domain' in entry && slice?.duration !== undefined) learn(entry.domain, slice.domain);
  }
  // A domain that the schedule never names: its threads tell.
  const threads = new Map(capdl.objects.map(({ name, attributes }) => [name, attributes['domain']]));
  for (const { name, domain } of allPds(system.protectionDomains)) {
    const number = threads.get(`tcb_${name}`);
    if (domain !== undefined && typeof number === 'bigint') learn(domain, Number(number));
  }
  return numbers;
}

export function checkDomains(matcher: Matcher, system: SystemDescription): void {
  const { domains } = system;
  const { domainSchedule, domainSetStart, domainIndexShift } = matcher.capdl;
  const why = because('domain schedule', 'domain schedule', domains?.place);
  const wrong = (what: string): void => {
    matcher.report('AUD211', `the domain schedule ${what}`, why, 'build the image from this description');
  };
  const numbers = domainNumbers(system, matcher.capdl);
  const wanted = (domains?.entries ?? []).map((entry) => formatEntry(entry, numbers));
  const real = (domainSchedule ?? []).map(formatSlice);
  if ((domains === undefined) !== (domainSchedule === undefined))
    wrong(domains === undefined ? 'is in no line of the description' : 'is not in the image');
  else if (wanted.join(', ') !== real.join(', '))
    wrong(`is ${real.join(', ') || 'empty'} instead of ${wanted.join(', ') || 'empty'}`);
  // Without a start the kernel would not begin; the tool's default is 0.
  checkNumber('starts at', domainSetStart, domains === undefined ? undefined : (domains.startIndex ?? 0n));
  checkNumber('is shifted by', domainIndexShift, domains?.indexShift);

  function checkNumber(what: string, real: bigint | undefined, wanted: bigint | undefined): void {
    if (real !== wanted) wrong(`${what} ${real ?? 'nothing'} instead of ${wanted ?? 'nothing'}`);
  }
}

const formatEntry = (entry: ScheduleEntry, numbers: ReadonlyMap<string, number>): string =>
  'end' in entry ? 'end' : `${numbers.get(entry.domain) ?? '?'}: ${entry.duration} ${entry.unit}`;

const formatSlice = ({ domain, duration, unit }: DomainSlice): string =>
  duration === undefined
    ? // The marker's domain means nothing, and the tool writes 0.
      domain === 0
      ? 'end'
      : `end of ${domain}`
    : `${domain}: ${duration} ${unit}`;
