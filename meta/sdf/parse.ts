// SPDX-License-Identifier: BSD-2-Clause
// Reads a System Description File into a description, with the place of each element. Everything that cannot be read is
// said at once; what is left of it is described as far as it goes, so that the rules of check/ can be said too.

import type { Diagnostic, Place } from '../diagnostic.ts';
import { errorFinding } from '../finding.ts';
import {
  allPds,
  type Architecture,
  type Channel,
  type ChannelEnd,
  type DomainSchedule,
  type IoAddressSpace,
  type ProtectionDomain,
  type SystemDescription,
} from '../model.ts';
import { parseXml, type XmlDocument, type XmlElement } from '../xml.ts';
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
  let reading: SystemReading | undefined;
  const document = parseXml(text, file, (child, unended) => {
    reading ??= new SystemReading(unended, options);
    reading.take(child);
  });
  if (!('fault' in document)) return (reading ?? new SystemReading(document, options)).finish();
  const { fault, place } = document;
  const hint = 'mend the XML there';
  return { findings: [errorFinding('SDF700', `Could not parse '${file}': ${fault}`, { hint, place })] };
}

const rootElements = ['protection_domain', 'memory_region', 'channel', 'io_address_space', 'domains'];

/** The elements below the root, one after the other; then the whole. */
class SystemReading {
  readonly #reader: SdfReader;
  readonly #root: XmlElement;
  readonly #options: SdfOptions;
  readonly #regions = new Regions();
  readonly #protectionDomains: ProtectionDomain[] = [];
  readonly #channels: Channel[] = [];
  readonly #loneEnds: ChannelEnd[] = [];
  readonly #ioAddressSpaces: IoAddressSpace[] = [];
  #domains: DomainSchedule | undefined;
  #firstPd: XmlElement | undefined;

  constructor(document: XmlDocument, options: SdfOptions) {
    this.#reader = new SdfReader(document);
    this.#root = document.root;
    this.#options = options;
  }

  take(element: XmlElement): void {
    const reader = this.#reader;
    if (this.#root.name !== 'system') return;
    switch (element.name) {
      case 'memory_region': {
        const region = parseRegion(reader, element, this.#options.findPrefill ?? (() => 'missing'));
        if (region !== undefined) this.#regions.add(region);
        return;
      }
      case 'protection_domain':
        this.#firstPd ??= element;
        this.#protectionDomains.push(
          parsePd(reader, element, this.#regions, { isChild: false, arch: this.#options.arch }),
        );
        return;
      case 'channel': {
        const channel = parseChannel(reader, element, this.#loneEnds);
        if (channel !== undefined) this.#channels.push(channel);
        return;
      }
      case 'io_address_space':
        this.#ioAddressSpaces.push(...parseIoAddressSpace(reader, element, this.#regions));
        return;
      case 'domains':
        return this.#takeDomains(element);
      case 'virtual_machine':
        return reader.say(
          'SDF707',
          'virtual machine must be a child of a protection domain',
          element,
          'move it into the protection domain that monitors it',
        );
      default:
        reader.say(
          'SDF708',
          `invalid XML element '${element.name}'`,
          element,
          reader.suggest(element.name, rootElements),
        );
    }
  }

  #takeDomains(element: XmlElement): void {
    if (this.#domains !== undefined)
      return this.#reader.error(
        'SDF714',
        'domains must only be specified once',
        element,
        'put them together',
      );
    if (this.#firstPd !== undefined) sayTooLate(this.#reader, element, this.#firstPd);
    this.#domains = parseDomains(this.#reader, element);
  }

  finish(): ParsedSdf {
    const [reader, root] = [this.#reader, this.#root];
    if (root.name !== 'system') {
      const panics = `the root element is '${root.name}', at which the Microkit tool panics`;
      reader.say('SDF709', panics, root, "make it 'system'");
      return { findings: reader.findings };
    }
    checkRoot(reader, root);
    this.#checkLoneEnds();
    const [protectionDomains, channels] = [this.#protectionDomains, this.#channels];
    const system: SystemDescription = {
      arch: this.#options.arch,
      memoryRegions: this.#regions.all,
      protectionDomains,
      channels,
      ...(this.#ioAddressSpaces.length === 0 ? {} : { ioAddressSpaces: this.#ioAddressSpaces }),
      ...(this.#domains === undefined ? {} : { domains: this.#domains }),
    };
    return { system, place: reader.placeOf(root), findings: reader.findings };
  }

  /** Their channels are no part of the description, where check/ would look. */
  #checkLoneEnds(): void {
    if (this.#loneEnds.length === 0) return;
    const names = new Set(allPds(this.#protectionDomains).map(({ name }) => name));
    for (const { pd, place } of this.#loneEnds)
      if (!names.has(pd))
        this.#reader.sayAtPlace(
          'SDF401',
          `invalid PD name '${pd}' on element 'end' (of a channel)`,
          place,
          this.#reader.suggest(pd, [...names]),
        );
  }
}

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
