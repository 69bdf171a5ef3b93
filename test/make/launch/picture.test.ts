// SPDX-License-Identifier: BSD-2-Clause
// The picture of a run: what it shows, and that no guest can make it anything but a well-formed picture of bounded size.
import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { expect, it } from 'vitest';
import { type Picture, maxRows, renderPicture } from '../../../make/launch/picture.ts';
import { requireOrSkip } from '../../require.ts';
import { guests, recorded, run, told } from './picture-sample.ts';

const good = { isGood: true, lines: ['verified: 32768 bytes, both guests agree (17.5 s)'] };
const title = 'vmbuild qemu --expect';
const draw = (more: Partial<Picture> = {}): string =>
  renderPicture({ title, guests, lines: recorded(run), verdict: good, ...more });

/** More than the longest line of a picture can take. */
const maxSvgBytes = 64 * 1024;

interface Shown {
  readonly classes: string;
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/** The texts of a well-formed picture. */
function textsOf(svg: string): Shown[] {
  expect(XMLValidator.validate(svg)).toBe(true);
  const parser = new XMLParser({
    ignoreAttributes: false,
    trimValues: false,
    parseTagValue: false,
    isArray: (name) => name === 'text',
  });
  type Text = Record<'@_class' | '@_x' | '@_y', string> & { readonly '#text'?: string };
  const { svg: root } = parser.parse(svg) as { svg: { g: { text: Text[] } } };
  return root.g.text.map((text) => ({
    classes: text['@_class'],
    x: Number(text['@_x']),
    y: Number(text['@_y']),
    text: text['#text'] ?? '',
  }));
}

/** What a reader sees, row by row. */
function rowsOf(svg: string): string[] {
  const rows = new Map<number, string[]>();
  for (const { y, text } of textsOf(svg)) rows.set(y, [...(rows.get(y) ?? []), text]);
  return [...rows].toSorted(([a], [b]) => a - b).map(([, texts]) => texts.join(' '));
}

it('shows the command, the stages, all that the guests say about the socket, and the verdict', () => {
  const rows = rowsOf(draw());
  expect(rows).toHaveLength(maxRows + 2);
  expect(rows[0]).toContain(title);
  expect(rows[1]).toBe('0.0 s LDR|INFO: Setting all interrupts to Group 1');
  expect(rows).toContain('… 37 lines …');
  expect(rows).toContain('4.1 s Bootstrapping kernel');
  expect(rows.slice(-8, -1).map((row) => row.replace(/^\d+\.\d s /, ''))).toEqual(
    told.map(([speaker, text]) => `client_linux${speaker}| ${text}`),
  );
  expect(rows.at(-1)).toBe(good.lines[0]);
});

it('paints the receiver red and the sender green, and the system in neither', () => {
  const texts = textsOf(draw());
  const classesOf = (pattern: RegExp): string | undefined =>
    texts.find(({ text }) => pattern.test(text))?.classes;
  expect(classesOf(/^client_linux0\|/)).toBe('c0 name');
  expect(classesOf(/^vsock recv: /)).toBe('c0');
  expect(classesOf(/^vsock send: /)).toBe('c1');
  expect(classesOf(/^receiver$/)).toBe('c0');
  expect(classesOf(/^Bootstrapping kernel/)).toBe('stage');
  expect(classesOf(/^LDR\|INFO: Setting/)).toBe('system');
  expect(draw()).toMatch(/\.c0\{fill:#ff7b72\}\n\.c1\{fill:#7ee787\}/);
});

it('a failed run has another mark, and long words over several rows', () => {
  const missing =
    "neither the receiver 'client_linux0' (CID 3) nor the sender 'client_linux1' (CID 4) reported";
  const bad = { isGood: false, lines: [`error[RUN124]: after 100 s, the deadline, ${missing}`] };
  const svg = draw({ verdict: bad });
  expect(rowsOf(svg).slice(-2).join(' ')).toBe(bad.lines[0]);
  expect(svg).not.toContain('#15261b');
  const heap = draw({
    verdict: { isGood: false, lines: Array.from({ length: 100 }, (_, i) => `error ${i}`) },
  });
  expect(rowsOf(heap).slice(-6)).toEqual(['error 0', 'error 1', 'error 2', 'error 3', 'error 4', 'error 5']);
});

it('says what it is to those who cannot see it', () => {
  const svg = draw({ verdict: { isGood: true, lines: ['verified "&"'] } });
  const label = `${title}: verified &quot;&amp;&quot;`;
  expect(svg).toContain(`role="img" aria-label="${label}"`);
  expect(svg).toContain(`<title>${label}</title>`);
});

it('needs nothing from elsewhere, as an <img> may not have it', () => {
  expect(draw().replace('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(
    /https?:|href|url\(|@import|<script|foreignObject|<image/,
  );
});

it('the same run gives the same bytes, and a picture with no lines is one', () => {
  expect(draw()).toBe(draw());
  expect(rowsOf(draw({ lines: [] }))).toHaveLength(2);
});

it('stays on its grid: no text reaches over the window', () => {
  const svg = draw({
    lines: recorded([
      [1, 'x'.repeat(1e6)],
      ['system', '漢'.repeat(1e6)],
    ]),
    title: 'y'.repeat(1e6),
  });
  const width = Number(/viewBox="0 0 (\d+)/.exec(svg)?.[1]);
  const ends = [
    ...svg.matchAll(/<text class="(?!title)[^"]*" x="([\d.]+)" y="\d+" textLength="([\d.]+)"/g),
  ].map(([, x, length]) => Number(x) + Number(length));
  expect(Math.max(...ends)).toBeLessThanOrEqual(width - 20 + 0.1);
  expect(
    rowsOf(svg)
      .slice(1, 3)
      .every((row) => row.endsWith('…')),
  ).toBe(true);
  const [, middle, length] = /<text class="title" x="([\d.]+)" y="\d+" textLength="([\d.]+)"/.exec(svg) ?? [];
  const legend = Number(/<circle class="c0" cx="([\d.]+)"/.exec(svg)?.[1]);
  expect(Number(middle) + Number(length) / 2).toBeLessThan(legend);
  expect(Number(middle) - Number(length) / 2).toBeGreaterThan(100);
});

const hostile = [
  ']]>',
  '</svg>',
  '</text><script>alert(1)</script>',
  '<![CDATA[',
  '<!-- --',
  '&amp;&#0;&',
  `"'`,
  'a\0b\x1b[31m\x7f\x9b',
  '\ud800 \udc00',
  '\ufffe\uffff\u{10ffff}',
  '\u202egnp.exe \u2066\u2069\u200f',
  `a${'\u0301'.repeat(1000)}`,
  '\u200b'.repeat(100_000),
  `\t${'\t'.repeat(100)}`,
  '\u2028\u2029\r\n\u0085',
  '🚀'.repeat(1000),
] as const;

it('guests cannot break it: hostile lines, names, titles and verdicts', () => {
  for (const text of hostile) {
    const svg = draw({
      title: text,
      guests: [{ name: text, role: text }],
      lines: recorded(Array.from({ length: 50 }, (_, i) => [i % 3, `vsock recv: ${text}`] as const)),
      verdict: { isGood: true, lines: [text, text] },
    });
    textsOf(svg);
    expect(svg.length).toBeLessThan(maxSvgBytes);
    expect(svg).not.toMatch(
      // oxlint-disable-next-line no-control-regex -- none of these may be there
      /[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufffe\uffff]|\p{Cs}/u,
    );
    expect(svg.match(/<script|<svg/g)).toEqual(['<svg']);
  }
});

it('any text makes a well-formed picture of bounded size', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 })
      .map((codes) => String.fromCharCode(...codes)),
    fc.constantFrom(...hostile),
  );
  const speaker = fc.oneof(fc.constant('system' as const), fc.nat(20));
  fc.assert(
    fc.property(fc.array(fc.tuple(speaker, text), { maxLength: 60 }), text, (lines, word) => {
      const svg = draw({ lines: recorded(lines), title: word, verdict: { isGood: false, lines: [word] } });
      expect(XMLValidator.validate(svg)).toBe(true);
      expect(svg).not.toMatch(/\p{Cs}/u);
      expect(svg.length).toBeLessThan(maxSvgBytes);
    }),
    { numRuns: 200 },
  );
});

it('xmllint agrees', (ctx) => {
  const lint = (svg: string): void => {
    execFileSync('xmllint', ['--noout', '-'], { input: svg, stdio: ['pipe', 'pipe', 'pipe'] });
  };
  requireOrSkip(ctx, 'xmllint', canRun('xmllint'), 'no xmllint on PATH');
  expect(() => {
    lint('<svg>\u0001</svg>');
  }).toThrow();
  for (const text of hostile) lint(draw({ lines: recorded([[0, text]]), title: text }));
});

function canRun(tool: string): boolean {
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
