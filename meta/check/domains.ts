// SPDX-License-Identifier: BSD-2-Clause
// Rules of scheduling domains and their schedule.

import type { Diagnostic, Place } from '../diagnostic.ts';
import { errorFinding, suggester } from '../finding.ts';
import { allPds, type DomainSchedule, type ProtectionDomain, type SystemDescription } from '../model.ts';
import { duplicates } from './duplicates.ts';
import type { CheckTarget } from './target.ts';

export function checkDomains(system: SystemDescription, target: CheckTarget): Diagnostic[] {
  const { domains } = system;
  const pds = allPds(system.protectionDomains);
  if (domains === undefined) return pds.flatMap(checkWithout);
  const names = new Set(domains.domains.map(({ name }) => name));
  const suggest = suggester([...names]);
  return [
    ...(target.cores !== undefined && target.cores !== 1
      ? [
          errorFinding(
            'SDF533',
            `The domain scheduler is not supported in multicore builds of seL4 (this one has ${target.cores} cores)`,
            { hint: 'use a configuration with one core', place: domains.place },
          ),
        ]
      : []),
    ...checkNames(domains, target),
    ...checkSchedule(domains, names, suggest, target),
    ...pds.flatMap((pd) => checkMembership(pd, names, suggest)),
  ];
}

const checkWithout = ({ name, domain, place }: ProtectionDomain): Diagnostic[] =>
  domain === undefined
    ? []
    : [
        errorFinding(
          'SDF531',
          `Specifying a domain '${domain}' without declaring a domain schedule is not allowed: on element 'protection_domain' ('${name}')`,
          { hint: 'describe the domains and their schedule first', place },
        ),
      ];

function checkMembership(
  { name, domain, place }: ProtectionDomain,
  names: ReadonlySet<string>,
  suggest: (wanted: string) => string,
): Diagnostic[] {
  if (domain === undefined)
    return [
      errorFinding(
        'SDF532',
        `Missing required attribute 'domain' on element 'protection_domain' ('${name}')`,
        { hint: `add domain="…": ${suggest('')}`, place },
      ),
    ];
  if (names.has(domain)) return [];
  return [
    errorFinding(
      'SDF530',
      `domain '${domain}' not declared in <domains>: on element 'protection_domain' ('${name}')`,
      { hint: `declare it; ${suggest(domain)}`, place },
    ),
  ];
}

function checkNames({ domains, place }: DomainSchedule, target: CheckTarget): Diagnostic[] {
  const withIds = domains.flatMap((domain) =>
    domain.id === undefined ? [] : [{ ...domain, id: domain.id }],
  );
  const found = [
    ...duplicates(domains, ({ name }) => name).map(({ first, again }) =>
      errorFinding(
        'SDF534',
        // The tool prints the id as its program has it.
        `Each <domain>'s name element must be unique found existing domain '${again.name}' with id '${first.id === undefined ? 'None' : `Some(${first.id})`}' on element 'domain'`,
        { hint: 'rename one of them', place: again.place ?? place },
      ),
    ),
    ...duplicates(withIds, ({ id }) => id).map(({ first, again }) =>
      errorFinding(
        'SDF535',
        `Each <domain>'s id element must be unique found existing domain '${first.name}' with id '${again.id}' on element 'domain' ('${again.name}')`,
        { hint: 'leave one of the ids out', place: again.place ?? place },
      ),
    ),
    ...withIds
      .filter(({ id }) => id >= target.domains)
      .map((domain) =>
        errorFinding(
          'SDF536',
          `domain id ${domain.id} should be less than the configured KernelNumDomains value of ${target.domains} on element 'domain' ('${domain.name}')`,
          { hint: 'use a lower id, or leave it out', place: domain.place ?? place },
        ),
      ),
  ];
  if (domains.length > target.domains)
    found.push(
      errorFinding(
        'SDF537',
        `Number of domains exceeds ${target.domains} on element 'domains' (there are ${domains.length})`,
        { hint: 'put some together', place },
      ),
    );
  return found;
}

function checkSchedule(
  schedule: DomainSchedule,
  names: ReadonlySet<string>,
  suggest: (wanted: string) => string,
  target: CheckTarget,
): Diagnostic[] {
  const { entries, startIndex = 0n, indexShift, schedulePlace, place } = schedule;
  // A schedule that is missing altogether has been said by who read it.
  if (entries.length === 0 && schedulePlace === undefined && place !== undefined) return [];
  const found = entries.flatMap((entry) => ('end' in entry ? [] : checkEntry(entry, names, suggest)));
  const wrong = (
    code: string,
    message: string,
    hint: string,
    at: Place | undefined = schedulePlace ?? place,
  ): void => {
    found.push(errorFinding(code, message, { hint, place: at }));
  };
  const length = BigInt(entries.length);
  const limit = BigInt(target.domainSchedules);
  if (length >= limit)
    wrong(
      'SDF538',
      `More than configured KernelNumDomainSchedules ${limit} number of <schedule_entry> elements found (${length}, one less would fit)`,
      'shorten the schedule',
    );
  if (startIndex >= length)
    wrong(
      'SDF539',
      `schedule_start_index '${startIndex}' is greater than the length of the schedule '${length}' on element 'domain_schedule'`,
      'start at an entry that exists',
    );
  // The tool prints the start index for the shift; so must who wants its words.
  if (indexShift !== undefined && indexShift + length >= limit)
    wrong(
      'SDF560',
      `schedule_index_shift '${startIndex}' on top of the schedule length '${length}' would exceed than the configured KernelNumDomainSchedules ${limit} on element 'domain_schedule' (the shift is ${indexShift})`,
      'shift it less',
    );
  return found;
}

function checkEntry(
  entry: {
    readonly domain: string;
    readonly duration: bigint;
    readonly unit: string;
    readonly place?: Place;
  },
  names: ReadonlySet<string>,
  suggest: (wanted: string) => string,
): Diagnostic[] {
  const { domain, duration, unit, place } = entry;
  const found: Diagnostic[] = [];
  if (!names.has(domain))
    found.push(
      errorFinding('SDF561', `domain '${domain}' does not exist, on element 'schedule_entry'`, {
        hint: `declare it; ${suggest(domain)}`,
        place,
      }),
    );
  if (duration <= 0n)
    found.push(
      errorFinding(
        'SDF562',
        `The duration '${duration} ${unit}' must be non-zero on element 'schedule_entry' (of '${domain}')`,
        { hint: 'give it some time', place },
      ),
    );
  return found;
}
