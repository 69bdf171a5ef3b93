// SPDX-License-Identifier: BSD-2-Clause
// Reads a System Description File into a description, with the place of each element. Everything that cannot be read is
// said at once; what is left of it is described as far as it goes, so that the rules of check/ can be said too.

import type { Diagnostic, Place } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import { allPds, type Architecture, type SystemDescription } from '../model.ts';
import { parseXml, type XmlElement } from '../xml.ts';
import { parseChannel } from './parse-channel.ts';
import { parseDomains } from './parse-domains.ts';
import { parseIoAddressSpace } from './parse-io-space.ts';
import { parsePd } from './parse-pd.ts';
import { parseRegion, type PrefillFile } from './parse-region.ts';
import { abbreviate, SdfReader } from './reader.ts';
import { Regions } from './regions.ts';

export interface SdfOptions {
  readonly arch: Architecture;
  /** Looks for the file that fills a region; Microkit does in its search paths. Default: there is none. */
  readonly findPrefill?: (path: string) => PrefillFile;
}

export interface ParsedSdf {
  /** As far as it could be read; absent if the file is no XML or no system. */
  readonly system?: SystemDescription;
  /** Of the root element. */
  readonly place?: Place;
  readonly findings: readonly Diagnostic[];
}

/** `file` is the name in every place. Never throws for what stands in `text`. */
export function parseSdf(text: string, file: string, options: SdfOptions): ParsedSdf {
  const document = parseXml(text, file);
  if ('fault' in document)
    return {
      findings: [
        errorFinding('SDF700', `Could not parse '${file}': ${document.fault}`, {
          hint: 'mend the XML there',
          place: document.place,
        }),
      ],
    };
  const reader = new SdfReader(document);
  const { root } = document;
  if (root.name !== 'system') {
    reader.say(
      'SDF709',
      `the root element is '${root.name}', at which the Microkit tool panics`,
      root,
      "make it 'system'",
    );
    return { findings: reader.findings };
  }
  const system = parseRoot(reader, root, options);
  return { system, place: reader.placeOf(root), findings: reader.findings };
}

function parseRoot(reader: SdfReader, root: XmlElement, options: SdfOptions): SystemDescription {
  checkRoot(reader, root);
  const elements = byName(root.children);
  const named = (name: string): readonly XmlElement[] => elements.get(name) ?? [];
  const find = options.findPrefill ?? (() => 'missing' as const);
  const memoryRegions = named('memory_region').flatMap((element) => parseRegion(reader, element, find) ?? []);
  const regions = new Regions(memoryRegions);
  const protectionDomains = named('protection_domain').map((element) =>
    parsePd(reader, element, regions, { isChild: false, arch: options.arch }),
  );
  const pdNames = new Set(allPds(protectionDomains).map(({ name }) => name));
  const channels = named('channel').flatMap((element) => parseChannel(reader, element, pdNames) ?? []);
  const spaces = named('io_address_space').flatMap(
    (element) => parseIoAddressSpace(reader, element, regions) ?? [],
  );
  const [domains] = named('domains');
  return {
    arch: options.arch,
    memoryRegions,
    protectionDomains,
    channels,
    ...(spaces.length === 0 ? {} : { ioAddressSpaces: spaces }),
    ...(domains === undefined ? {} : { domains: parseDomains(reader, domains) }),
  };
}

function byName(elements: readonly XmlElement[]): ReadonlyMap<string, readonly XmlElement[]> {
  const lists = new Map<string, XmlElement[]>();
  for (const element of elements) {
    const list = lists.get(element.name);
    if (list === undefined) lists.set(element.name, [element]);
    else list.push(element);
  }
  return lists;
}

const rootElements = ['protection_domain', 'memory_region', 'channel', 'io_address_space', 'domains'];

function checkRoot(reader: SdfReader, root: XmlElement): void {
  if (root.attributes.length > 0)
    reader.warn(
      'SDF712',
      `attribute '${root.attributes[0]}' on element 'system' is ignored by the Microkit tool`,
      root,
      'take it out',
    );
  if (root.textAt !== undefined)
    reader.sayAt(
      'SDF713',
      "unexpected text found in element 'system'",
      root.textAt,
      'take it out, or make it a comment',
    );
  let hasDomains = false;
  let firstPd: XmlElement | undefined;
  for (const child of root.children) {
    if (child.name === 'virtual_machine')
      reader.say(
        'SDF707',
        'virtual machine must be a child of a protection domain',
        child,
        'move it into the protection domain that monitors it',
      );
    else if (!rootElements.includes(child.name))
      reader.say(
        'SDF708',
        `invalid XML element '${child.name}'`,
        child,
        reader.suggest(child.name, rootElements),
      );
    if (child.name === 'protection_domain') firstPd ??= child;
    if (child.name !== 'domains') continue;
    if (hasDomains) reader.error('SDF714', 'domains must only be specified once', child, 'put them together');
    else if (firstPd !== undefined) sayTooLate(reader, child, firstPd);
    hasDomains = true;
  }
}

/** Its words, where it has some: it reads from top to bottom. */
function sayTooLate(reader: SdfReader, domains: XmlElement, firstPd: XmlElement): void {
  const domain = reader.optional(firstPd, 'domain');
  const { line } = reader.placeOf(firstPd);
  const message =
    domain === undefined
      ? `element 'domains' comes after a protection domain (line ${line}), which the Microkit tool then silently leaves without a domain`
      : `Specifying a domain '${abbreviate(domain)}' without declaring a domain schedule is not allowed: on element 'protection_domain' (line ${line}; 'domains' comes after it)`;
  reader.say('SDF715', message, domains, 'move it to the top of the file');
}
