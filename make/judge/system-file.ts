// SPDX-License-Identifier: BSD-2-Clause
// The system description as the Microkit tool was given it, read back: what is mapped where and which interrupts go to
// whom. It was rendered by vmbuild, so only the form is taken for granted, not a single number.
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { damaged } from './elf-file.ts';

export interface SystemRegion {
  readonly name: string;
  readonly size: bigint;
  readonly paddr: bigint | undefined;
}

export interface SystemMap {
  readonly region: SystemRegion;
  readonly vaddr: bigint;
}

export interface SystemIrq {
  readonly irq: number;
  readonly id: number;
  readonly trigger: string;
}

export interface SystemPd {
  readonly name: string;
  readonly programImage: string;
  readonly maps: readonly SystemMap[];
  readonly irqs: readonly SystemIrq[];
  /** What its virtual machine's guest sees; empty without one. */
  readonly guestMaps: readonly SystemMap[];
}

export interface SystemFile {
  readonly regions: readonly SystemRegion[];
  readonly pds: readonly SystemPd[];
}

export function parseSystem(text: string, file: string): SystemFile {
  if (XMLValidator.validate(text) !== true) damaged(file, 'is no well-formed XML');
  const root = children(parser.parse(text) as XmlNode, 'system')[0] ?? damaged(file, 'has no <system>');
  const numberOf = (node: XmlNode, name: string): bigint => {
    const text = attribute(node, name);
    return /^(0x[0-9a-f]+|[0-9]+)$/i.test(text)
      ? BigInt(text)
      : damaged(file, `has '${name}' = '${text}', which is no number`);
  };
  const regions = children(root, 'memory_region').map(
    (node): SystemRegion => ({
      name: attribute(node, 'name'),
      size: numberOf(node, 'size'),
      paddr: 'phys_addr' in node ? numberOf(node, 'phys_addr') : undefined,
    }),
  );
  const byName = new Map(regions.map((region) => [region.name, region]));
  const mapsOf = (node: XmlNode): SystemMap[] =>
    children(node, 'map').map((map) => ({
      region:
        byName.get(attribute(map, 'mr')) ?? damaged(file, `maps '${attribute(map, 'mr')}', which is nowhere`),
      vaddr: numberOf(map, 'vaddr'),
    }));
  const pds = children(root, 'protection_domain').map(
    (node): SystemPd => ({
      name: attribute(node, 'name'),
      programImage: attribute(children(node, 'program_image')[0] ?? {}, 'path'),
      maps: mapsOf(node),
      irqs: children(node, 'irq').map((irq) => ({
        irq: Number(numberOf(irq, 'irq')),
        id: Number(numberOf(irq, 'id')),
        trigger: attribute(irq, 'trigger'),
      })),
      guestMaps: children(node, 'virtual_machine').flatMap(mapsOf),
    }),
  );
  return { regions, pds };
}

type XmlNode = Readonly<Record<string, unknown>>;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseAttributeValue: false,
  parseTagValue: false,
  ignoreDeclaration: true,
  isArray: (_name, _path, _isLeaf, isAttribute) => !isAttribute,
});

const children = (node: XmlNode, name: string): readonly XmlNode[] => {
  const found = node[name];
  return Array.isArray(found) ? found.filter((child): child is XmlNode => typeof child === 'object') : [];
};

/** An absent one reads as empty, which is no number, and a name that nothing has. */
const attribute = (node: XmlNode, name: string): string => {
  const value = node[name];
  return typeof value === 'string' ? value : '';
};
