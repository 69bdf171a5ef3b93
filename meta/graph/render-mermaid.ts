// SPDX-License-Identifier: BSD-2-Clause
// A scene as a Mermaid flowchart, which GitHub draws in Markdown. Mermaid decodes `#34;` in a label after it has parsed
// the diagram, so whatever has a meaning to Mermaid, Markdown or HTML is written that way: nearly all that is neither
// letter nor digit. That includes the `%` of its directives, which it looks for even within quotes.

import type { Box, Line, Scene, Tone } from './scene.ts';

/** What Mermaid takes if it is not told otherwise, as on GitHub: `maxTextSize` and `maxEdges`. */
export const mermaidLimits = { chars: 50_000, lines: 500 } as const;

/** The Mermaid text of `scene`, with a newline at its end. The same scene gives the same bytes. */
export function renderMermaid(scene: Scene): string {
  const body = [
    ...scene.boxes.flatMap(renderBox),
    ...scene.lines.map(renderLine),
    ...renderRemarks(scene),
    ...Object.entries(classes).map(([name, style]) => `classDef ${name} ${style}`),
    ...renderClasses(scene),
    ...renderLineStyles(scene.lines),
  ];
  return ['flowchart TB', ...body.map((text) => `  ${text}`), ''].join('\n');
}

const classes: Readonly<Record<string, string>> = {
  pd: 'fill:#ddf4ff,stroke:#57606a,color:#24292f',
  vm: 'fill:#fbefff,stroke:#57606a,color:#24292f',
  region: 'fill:#ffffff,stroke:#57606a,color:#24292f',
  device: 'fill:#dafbe1,stroke:#57606a,color:#24292f',
  space: 'fill:#fff8c5,stroke:#57606a,color:#24292f',
  remarks: 'fill:#ffffff,stroke:#afb8c1,color:#24292f',
  shared: 'stroke:#bc4c00,stroke-width:2px',
  alarm: 'stroke:#cf222e,stroke-width:3px',
};

const classOf = (kind: Box['kind']): string => (kind === 'io-space' ? 'space' : kind);

function renderBox(box: Box): string[] {
  const { id, kind, inner } = box;
  const [open, close] = kind === 'vm' ? ['(', ')'] : ['[', ']'];
  const node = `${id}${open}"${renderLabel(box)}"${close}`;
  if (inner.length === 0) return [node];
  const all = [node, ...inner.flatMap(renderBox)].map((text) => `  ${text}`);
  return [`subgraph in_${id} [" "]`, ...all, 'end'];
}

const renderLabel = ({ title, text }: Box): string =>
  [...(title === '' ? [] : [`<b>${escape(title)}</b>`]), ...text.map(escape)].join('<br>');

function renderLine({ from, to, kind, text, fromText, toText, pointsTo, pointsFrom }: Line): string {
  const arrow = arrowOf(kind, pointsTo || pointsFrom, pointsTo && pointsFrom);
  // Mermaid has no arrow that only points back.
  const isBack = pointsFrom && !pointsTo;
  const [first, second] = isBack ? [to, from] : [from, to];
  const ids = isBack ? [toText, fromText] : [fromText, toText];
  const ends = fromText === undefined ? [] : [ids.join(' to ')];
  const label = [...ends, ...text].map(escape).join('<br>');
  return `${first} ${arrow}${label === '' ? '' : `|"${label}"|`} ${second}`;
}

function arrowOf(kind: Line['kind'], hasHead: boolean, hasBoth: boolean): string {
  if (kind === 'fault' || kind === 'cap') return hasHead ? '-.->' : '-.-';
  const dash = kind === 'call' || kind === 'sharing' ? '=' : '-';
  return `${hasBoth ? '<' : ''}${dash}${dash}${hasHead ? '>' : dash}`;
}

const strokes: Readonly<Record<Tone, string>> = { plain: '', shared: '#bc4c00', alarm: '#cf222e' };

function renderLineStyles(lines: readonly Line[]): string[] {
  const byColour = new Map<string, number[]>();
  for (const [index, { kind, tone }] of lines.entries()) {
    const colour = tone !== 'plain' ? strokes[tone] : kind === 'notify' || kind === 'call' ? '#0969da' : '';
    if (colour !== '') byColour.set(colour, [...(byColour.get(colour) ?? []), index]);
  }
  return [...byColour].map(([colour, indices]) => `linkStyle ${indices.join()} stroke:${colour}`);
}

/** One line for each class: the kinds first, so that a tone goes over them. */
function renderClasses({ boxes }: Scene): string[] {
  const members = new Map<string, string[]>(Object.keys(classes).map((name) => [name, []]));
  const visit = ({ id, kind, tone, inner }: Box): void => {
    members.get(classOf(kind))?.push(id);
    if (tone !== 'plain') members.get(tone)?.push(id);
    inner.forEach(visit);
  };
  boxes.forEach(visit);
  return [...members].flatMap(([name, ids]) => (ids.length === 0 ? [] : [`class ${ids.join()} ${name}`]));
}

function renderRemarks({ remarks }: Scene): string[] {
  if (remarks.length === 0) return [];
  const text = ['<b>What stands out</b>', ...remarks.map(escape)].join('<br>');
  return [`remarks["${text}"]`, 'class remarks remarks'];
}

/** Blanks, and marks that mean nothing within a label, stay as they are for those who read the text. */
const escape = (text: string): string =>
  text.replaceAll(/[^\p{L}\p{M}\p{N} _/@,]/gu, (char) => `#${char.codePointAt(0) ?? 0};`);
