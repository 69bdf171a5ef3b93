// SPDX-License-Identifier: BSD-2-Clause
// The XML reader: well-formed documents as fast-xml-parser reads them, everything else refused at its place.

import {
  type Arbitrary,
  array,
  assert,
  constant,
  constantFrom,
  dictionary,
  nat,
  property,
  string,
  stringMatching,
  tuple,
} from 'fast-check';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { xmlLimits } from '../../meta/limits.ts';
import { parseXml, type XmlElement } from '../../meta/xml.ts';
import { requireSdfCases, sdfRoot } from './sdf-cases.ts';

/** What it says, and where. */
const faultOf = (text: string): string => {
  const result = parseXml(text, 'f.xml');
  return 'fault' in result ? `${result.place.line}:${result.place.column} ${result.fault}` : 'read';
};

const rootOf = (text: string): XmlElement => {
  const result = parseXml(text, 'f.xml');
  if ('fault' in result) throw new Error(result.fault);
  return result.root;
};

const faults: readonly (readonly [text: string, fault: string])[] = [
  ['', '1:1 the document does not have a root node'],
  [' \n ', '2:2 the document does not have a root node'],
  ['text', '1:1 text stands outside of the root element'],
  ['<a><b xmlns:p="u"/><p:c/></a>', "1:20 an unknown namespace prefix 'p'"],
  ['<a><b xmlns:p="u"><p:d/></b><p:c/></a>', "1:29 an unknown namespace prefix 'p'"],
  ['<a><b p:c="1"/></a>', "1:4 an unknown namespace prefix 'p'"],
  [
    '<a xmlns:p="u"><b xmlns:p="v"><p:c/></b><p:d p:e="1"/></a><p:f/>',
    "1:59 an unknown namespace prefix 'p'",
  ],
  ['<a/>\n  text', '2:3 text stands outside of the root element'],
  ['<a/><b/>', "1:5 'b' is a second root element"],
  ['<a>', "1:1 'a' is never closed"],
  ['<a><b></a>', "1:7 expected 'b' tag, not 'a'"],
  ['<a></b>', "1:4 expected 'a' tag, not 'b'"],
  ['</a>', "1:1 'a' is closed, but never opened"],
  ['<a', "1:3 the tag of 'a' is malformed"],
  ['<a/ >', "1:3 the tag of 'a' is malformed"],
  ['< a/>', "1:2 '<' starts no tag"],
  ['<1a/>', "1:2 '<' starts no tag"],
  ['<a x/>', "1:5 attribute 'x' has no value"],
  ['<a x=1/>', "1:6 the value of attribute 'x' is not quoted"],
  ['<a x="1/>', "1:6 the value of attribute 'x' never ends"],
  ['<a x="1"y="2"/>', '1:9 a blank is missing between attributes'],
  ['<a x="1"\n   x="2"/>', "2:4 attribute 'x' is already defined"],
  ['<a x="1<2"/>', "1:8 '<' stands in the value of attribute 'x'"],
  ['<a x="&nope;"/>', '1:7 malformed or unknown entity reference'],
  ['<a x="a & b"/>', '1:9 malformed or unknown entity reference'],
  ['<a>&nope;</a>', '1:4 malformed or unknown entity reference'],
  ['<a x="&#0;"/>', "1:7 '&#0;' is no character"],
  ['<a x="&#xd800;"/>', "1:7 '&#xd800;' is no character"],
  ['<a x="&#x110000;"/>', "1:7 '&#x110000;' is no character"],
  ['<a x="\u0001"/>', '1:7 the character U+0001 is not allowed'],
  ['<a>\u0000</a>', '1:4 the character U+0000 is not allowed'],
  ['<a>]]></a>', "1:4 ']]>' stands in text"],
  ['<a><!-- -- --></a>', "1:9 '--' stands inside a comment"],
  ['<a><!-- ', '1:4 a comment never ends'],
  ['<a><![CDATA[', '1:4 CDATA never ends'],
  ['<![CDATA[x]]><a/>', '1:1 CDATA stands outside of the root element'],
  ['<a><!x></a>', "1:4 '<!' starts neither a comment nor CDATA"],
  ['<a><?pi', '1:8 a processing instruction never ends'],
  ['<!DOCTYPE a><a/>', '1:1 XML with DTD detected'],
  ['<!DOCTYPE a [<!ENTITY x "y">]><a x="&x;"/>', '1:1 XML with DTD detected'],
  [' <?xml version="1.0"?><a/>', '1:2 an XML declaration stands elsewhere than at the very start'],
  ['<?xml?><a/>', '1:1 an XML declaration stands elsewhere than at the very start'],
  ['<?xml encoding="UTF-8"?><a/>', '1:1 the XML declaration is malformed'],
  ['<q:a/>', "1:1 an unknown namespace prefix 'q'"],
  ['<a q:x="1"/>', "1:1 an unknown namespace prefix 'q'"],
  ['<a>\n💩💩<b/></a>x', '2:11 text stands outside of the root element'],
];

describe('what is not well-formed is refused at its place', () => {
  test.each(faults)('%j', (text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });
});

describe('what is well-formed is read', () => {
  it('names, values, places; no comments, instructions or namespaces', () => {
    const text =
      '\ufeff<?xml version="1.0" encoding="UTF-8"?>\r\n<!-- c --><?pi x?>\n<q:a xmlns:q="u" xmlns="v" q:x=\'1"2\'>\n  <b\n y = "&lt;&#65;&#x42;\n&amp;" /><![CDATA[ ]]>t</q:a>\n<!-- end -->';
    const result = parseXml(text, 'f.xml');
    if ('fault' in result) throw new Error(result.fault);
    const { root, placeOf } = result;
    expect({ name: root.name, attributes: root.attributes }).toEqual({
      name: 'a',
      attributes: ['q:x', '1"2'],
    });
    expect(placeOf(root.start)).toEqual({ file: 'f.xml', line: 3, column: 1 });
    const [child] = root.children;
    expect(child).toMatchObject({ name: 'b', attributes: ['y', '<AB &'] });
    expect(placeOf(child?.start ?? 0)).toEqual({ file: 'f.xml', line: 4, column: 3 });
    expect(text.slice(root.textAt)).toBe('t</q:a>\n<!-- end -->');
  });

  it('names that JavaScript objects have are names', () => {
    expect(rootOf('<constructor __proto__="1" toString="2"/>')).toMatchObject({
      name: 'constructor',
      attributes: ['__proto__', '1', 'toString', '2'],
    });
  });
});

describe('limits', () => {
  it(`${xmlLimits.depth} levels are read, one more is refused`, () => {
    const nested = (depth: number): string => '<a>'.repeat(depth) + '</a>'.repeat(depth);
    expect(faultOf(nested(xmlLimits.depth))).toBe('read');
    expect(faultOf(nested(xmlLimits.depth + 1))).toBe(
      `1:${3 * xmlLimits.depth + 1} elements are nested deeper than 256`,
    );
    expect(faultOf(nested(1_000_000))).toMatch(/nested deeper/);
  });

  it('attributes, long names, long lines and long text cost no more than their length', () => {
    const many = Array.from({ length: 100_000 }, (_, i) => ` a${i}="1"`).join('');
    expect(faultOf(`<a${many}/>`)).toMatch(/more than 64 attributes$/);
    const prefixes = Array.from({ length: 100_000 }, (_, i) => ` xmlns:p${i}="u"`).join('');
    const uses = Array.from({ length: 100_000 }, (_, i) => `<p${99_999 - i}:b/>`).join('');
    expect(faultOf(`<a${prefixes}>${uses}</a>`)).toBe('read');
    expect(faultOf(`<${'a'.repeat(5_000_000)}/>`)).toBe('read');
    expect(faultOf(`<a x="${'&amp;'.repeat(1_000_000)}"/>`)).toBe('read');
    expect(faultOf(`<a>${' '.repeat(5_000_000)}${'<b/>'.repeat(500_000)}</c>`)).toMatch(/expected 'a' tag/);
  });
});

/** As fast-xml-parser's preserveOrder has it. */
type Ordered = Readonly<Record<string, readonly Ordered[]>> & {
  readonly ':@'?: Readonly<Record<string, string>>;
};

const peer = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseAttributeValue: false,
  parseTagValue: false,
  trimValues: false,
  htmlEntities: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
});

type Plain = readonly [
  name: string,
  attributes: Readonly<Record<string, string>>,
  children: readonly Plain[],
];

function plainPeer(node: Ordered): Plain[] {
  const name = Object.keys(node).find((key) => key !== ':@' && key !== '#text');
  return name === undefined ? [] : [[name, node[':@'] ?? {}, (node[name] ?? []).flatMap(plainPeer)]];
}

const plainOwn = ({ name, attributes, children }: XmlElement): Plain => [
  name,
  Object.fromEntries(attributes.flatMap((text, i) => (i % 2 === 0 ? [[text, attributes[i + 1] ?? '']] : []))),
  children.map(plainOwn),
];

describe('against fast-xml-parser', () => {
  it('the same elements and attributes for every file of the conformance set', (ctx) => {
    requireSdfCases(ctx);
    const files = readdirSync(join(sdfRoot, 'sdf'));
    for (const file of files) {
      const text = readFileSync(join(sdfRoot, 'sdf', file), 'utf8');
      const [root] = (peer.parse(text) as Ordered[]).flatMap(plainPeer);
      expect([file, plainOwn(rootOf(text))]).toEqual([file, root]);
    }
    expect(files.length).toBeGreaterThan(100);
  });

  it('the same for documents of any shape, and what it refuses is refused here too', () => {
    const name = stringMatching(/^[a-z][a-z_]{0,5}$/);
    const value = string({ unit: 'grapheme-ascii', maxLength: 12 }).map((text) =>
      text.replace(/[<&"]/g, '&quot;'),
    );
    const attributes = dictionary(name, value, { maxKeys: 4 });
    const element = (children: Arbitrary<readonly string[]>): Arbitrary<string> =>
      tuple(name, attributes, children).map(([tag, pairs, inner]) => {
        const written = Object.entries(pairs).map(([key, text]) => ` ${key}="${text}"`);
        return `<${tag}${written.join('')}>${inner.join('\n<!-- c -->')}</${tag}>`;
      });
    const leaf = element(constant([]));
    const document = element(array(element(array(leaf, { maxLength: 3 })), { maxLength: 3 }));
    assert(
      property(document, nat(), constantFrom('', '<', '>', '"', '</a>', '='), (text, at, junk) => {
        const place = at % (text.length + 1);
        const mutant = text.slice(0, place) + junk + text.slice(place);
        if (XMLValidator.validate(mutant) !== true) expect(faultOf(mutant)).not.toBe('read');
        if (junk === '') {
          const [root] = (peer.parse(text) as Ordered[]).flatMap(plainPeer);
          expect(plainOwn(rootOf(text))).toEqual(root);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

it('tags of the common form are read as any other: both quotes say the same, and where', () => {
  const mostly = (good: readonly string[], bad: readonly string[]): Arbitrary<string> =>
    nat(40).chain((which) => (which === 0 ? constantFrom(...bad) : constantFrom(...good)));
  const name = mostly(
    ['a', 'b', 'name', 'size', 'vaddr', 'xmlns'],
    ['a-b', 'A', '\u00e9', 'xmlns:a', 'a:x', ''],
  );
  const blank = mostly([' ', '\n', '\t \r\n'], ['', '\u00a0']);
  const value = mostly(['', '0x1000', 'a b', '>', '/>', '='], ['&lt;', '&', '<', '\n', '\u00e9', '\u0007']);
  const attribute = tuple(blank, name, mostly(['='], [' = ', '']), value).map(
    ([before, word, is, inner]) => `${before}${word}${is}"${inner}"`,
  );
  const end = mostly(['/>', ' />', '></map>'], ['></map >', '></MAP>', '>text</map>', '>', '']);
  const tag = tuple(mostly(['map'], ['a:map', 'M', '']), array(attribute, { maxLength: 4 }), end).map(
    ([word, attributes, after]) => `<${word}${attributes.join('')}${after}`,
  );
  const text = tuple(blank, array(tuple(tag, blank), { maxLength: 4 })).map(
    ([before, tags]) => `<system xmlns:a="u">${before}${tags.flat().join('')}</system>`,
  );
  let read = 0;
  assert(
    property(text, (quoted) => {
      const result = parseXml(quoted, 'f.xml');
      const other = parseXml(quoted.replaceAll('"', "'"), 'f.xml');
      if ('root' in result) read += 1;
      expect('fault' in result ? result : result.root).toEqual('fault' in other ? other : other.root);
    }),
    { numRuns: 3000 },
  );
  expect(read).toBeGreaterThan(500);
});

it('hands the children of the root over one by one, as they would be in it', () => {
  const text =
    '<system a="1"> <map b="2"/><pd>\n<map c="3"></map></pd><A/><x:b xmlns:x="u"><map/></x:b></system>';
  const children: XmlElement[] = [];
  const document = parseXml(text, 'f.xml', (child, { root, placeOf }) => {
    expect([root.name, root.attributes]).toEqual(['system', ['a', '1']]);
    expect(placeOf(child.start).column).toBeGreaterThan(0);
    children.push(child);
  });
  if ('fault' in document) throw new Error(document.fault);
  expect(document.root.children).toEqual([]);
  expect(children).toEqual(rootOf(text).children);
  expect(children.map(({ name }) => name)).toEqual(['map', 'pd', 'A', 'b']);
});
