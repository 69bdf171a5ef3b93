// SPDX-License-Identifier: BSD-2-Clause
// What Microkit learnt when. A description that uses more than the chosen version knows would fail there with the words
// for a misspelling; here it is told which version it needs (shared facts/sdf-schema.md §12).

import type { Diagnostic, Place } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import { allPds, type ProtectionDomain, type SystemDescription } from '../model.ts';
import type { CheckTarget } from './target.ts';

export function checkVersions(system: SystemDescription, { microkit }: CheckTarget): Diagnostic[] {
  const version = minorOf(microkit);
  if (version === undefined || version >= newestFeatures) return [];
  return [...usesOf(system)]
    .filter(({ since }) => since > version)
    .map(({ what, since, user, place }) =>
      errorFinding(
        'SDF801',
        `${what} came with Microkit 2.${since}.0; this is ${microkit} (used by ${user})`,
        { hint: `use a newer SDK, or leave it out`, place },
      ),
    );
}

/** Of Microkit 2.3: who has that has all that is listed here. */
const newestFeatures = 3;

/** The minor number of a 2.x version; undefined if it is no 2.x: then nothing is known. */
function minorOf(version: string): number | undefined {
  const minor = /^2[.]([0-9]{1,3})(?:[.]|$)/.exec(version)?.[1];
  return minor === undefined ? undefined : Number(minor);
}

interface Use {
  readonly what: string;
  /** Minor number of the first version that knows it. */
  readonly since: number;
  readonly user: string;
  readonly place: Place | undefined;
}

function* usesOf(system: SystemDescription): Generator<Use> {
  for (const { name, prefillPath, prefillBootinfo, place } of system.memoryRegions) {
    const user = `memory region '${name}'`;
    if (prefillPath !== undefined) yield attribute('prefill_path', 'memory_region', 2, user, place);
    if (prefillBootinfo !== undefined) yield attribute('prefill_bootinfo', 'memory_region', 3, user, place);
  }
  for (const pd of allPds(system.protectionDomains)) yield* usesOfPd(pd);
  for (const { a, b, place } of system.channels)
    for (const end of [a, b])
      if (end.setvarId !== undefined)
        yield attribute('setvar_id', 'end', 1, `protection domain '${end.pd}'`, end.place ?? place);
  if (system.arch === 'x86_64')
    yield { what: 'architecture x86_64', since: 1, user: 'the system', place: undefined };
  for (const { name, place } of system.ioAddressSpaces ?? [])
    yield { what: "element 'io_address_space'", since: 3, user: `'${name}'`, place };
  if (system.domains !== undefined)
    yield { what: "element 'domains'", since: 3, user: 'the system', place: system.domains.place };
}

function* usesOfPd(pd: ProtectionDomain): Generator<Use> {
  const user = `protection domain '${pd.name}'`;
  const { place } = pd;
  const own = {
    cpu: [pd.cpu, 1],
    setvar_id: [pd.setvarId, 1],
    fpu: [pd.fpu, 3],
    domain: [pd.domain, 3],
  } as const;
  for (const [name, [value, since]] of Object.entries(own))
    if (value !== undefined) yield attribute(name, 'protection_domain', since, user, place);
  if (pd.pathForSymbols !== undefined) yield attribute('path_for_symbols', 'program_image', 2, user, place);
  for (const map of pd.maps)
    if (map.setvarPrefillSize !== undefined)
      yield attribute('setvar_prefill_size', 'map', 2, user, map.place ?? place);
  for (const irq of pd.irqs)
    if (irq.setvarId !== undefined) yield attribute('setvar_id', 'irq', 1, user, irq.place ?? place);
  for (const port of pd.ioPorts ?? [])
    yield { what: "element 'ioport'", since: 1, user, place: port.place ?? place };
  if (pd.cspace !== undefined)
    yield { what: "element 'cspace'", since: 3, user, place: pd.cspace[0]?.place ?? place };
  for (const { cpu, place: at } of pd.virtualMachine?.vcpus ?? [])
    if (cpu !== undefined) yield attribute('cpu', 'vcpu', 1, user, at ?? place);
}

const attribute = (
  name: string,
  element: string,
  since: number,
  user: string,
  place: Place | undefined,
): Use => ({ what: `attribute '${name}' on element '${element}'`, since, user, place });
