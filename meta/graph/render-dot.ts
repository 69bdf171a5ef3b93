// SPDX-License-Identifier: BSD-2-Clause
// A scene as DOT, the language of Graphviz. Everything that a description can influence stands in an HTML-like label,
// where whatever has a meaning is escaped.

import type { Box, Line, Scene, Tone } from './scene.ts';

/** The DOT text of `scene`, with a newline at its end. The same scene gives the same bytes. */
export function renderDot(scene: Scene): string {
  const body = [
    'graph [rankdir=TB, nodesep=0.25, ranksep=0.45, newrank=true, bgcolor="white", pad=0.2,',
    `  fontname="${font}", fontsize=16, labelloc=t, label=<<b>${escapeHtml(scene.title)}</b>>]`,
    `node [fontname="${font}", fontsize=10, shape=box, style="filled", fillcolor="white", color="#57606a"]`,
    `edge [fontname="${font}", fontsize=8, color="#57606a", fontcolor="#24292f", arrowsize=0.6]`,
    ...scene.boxes.flatMap(renderBox),
    ...scene.lines.map(renderLine),
    ...renderLegend(scene),
  ];
  return ['digraph system {', ...body.map((text) => `  ${text}`), '}', ''].join('\n');
}

const font = 'Helvetica,Arial,sans-serif';

const strokes: Readonly<Record<Tone, string>> = { plain: '#57606a', shared: '#bc4c00', alarm: '#cf222e' };
const fills: Readonly<Record<Box['kind'], string>> = {
  pd: '#ddf4ff',
  vm: '#fbefff',
  region: '#ffffff',
  device: '#dafbe1',
  'io-space': '#fff8c5',
};

function renderBox(box: Box): string[] {
  const node = renderNode(box);
  if (box.inner.length === 0) return [node];
  const inner = box.inner.flatMap(renderBox);
  return [
    `subgraph cluster_${box.id} {`,
    '  graph [style="rounded", color="#afb8c1", label=""]',
    ...[node, ...inner].map((text) => `  ${text}`),
    '}',
  ];
}

function renderNode({ id, kind, title, text, tone }: Box): string {
  const isMemory = kind === 'region' || kind === 'device';
  const end = isMemory ? '<br align="left"/>' : '<br/>';
  const heading = title === '' ? [] : [`<b>${escapeHtml(title)}</b>`];
  const rows = [...heading, ...text.map(escapeHtml)].join(end);
  const attributes = [
    `label=<${rows}${isMemory ? end : ''}>`,
    ...(isMemory ? ['fontsize=8', 'margin="0.08,0.04"'] : []),
    ...(kind === 'vm' ? ['style="filled,rounded"'] : []),
    ...(kind === 'region' ? ['shape=note'] : []),
    `fillcolor="${fills[kind]}"`,
    ...(tone === 'plain' ? [] : [`color="${strokes[tone]}"`, 'penwidth=2']),
  ];
  return `${id} [${attributes.join(', ')}]`;
}

const styles: Readonly<Record<Line['kind'], readonly string[]>> = {
  notify: ['color="#0969da"'],
  call: ['color="#0969da"', 'penwidth=2.2'],
  map: [],
  fault: ['style=dashed'],
  cap: ['style=dotted'],
  sharing: ['style=bold'],
};

function renderLine({ from, to, kind, text, tone, fromText, toText, pointsTo, pointsFrom }: Line): string {
  const direction = pointsTo ? (pointsFrom ? 'both' : 'forward') : pointsFrom ? 'back' : 'none';
  // Tone comes last: of two colours Graphviz takes the later.
  const attributes = [
    `dir=${direction}`,
    ...styles[kind].filter((style) => tone === 'plain' || !style.startsWith('color=')),
    ...(tone === 'plain' ? [] : [`color="${strokes[tone]}"`]),
    ...(text.length === 0 ? [] : [`label=<${text.map(escapeHtml).join('<br/>')}>`]),
    ...(fromText === undefined ? [] : [`taillabel=<${escapeHtml(fromText)}>`]),
    ...(toText === undefined ? [] : [`headlabel=<${escapeHtml(toText)}>`]),
  ];
  return `${from} -> ${to} [${attributes.join(', ')}]`;
}

/** A key to colours and lines, and what stands out. */
function renderLegend({ remarks }: Scene): string[] {
  const swatch = (colour: string, meaning: string): string =>
    `<tr><td bgcolor="${colour}" width="16"> </td><td align="left">${meaning}</td></tr>`;
  const row = (text: string): string => `<tr><td align="left">${text}</td></tr>`;
  const key = [
    swatch(fills.pd, 'protection domain'),
    swatch(fills.vm, 'virtual machine'),
    swatch(fills.device, 'registers of a device'),
    swatch(strokes.shared, 'two protection domains can write it, or use one device'),
    swatch(strokes.alarm, 'priority inversion, or code that can be written'),
  ];
  const rows = [
    row(`<table border="0" cellborder="0" cellspacing="1" cellpadding="1">${key.join('')}</table>`),
    row('blue: channel with its ids, thick: protected calls'),
    row('grey: map; arrows show who reads and who writes'),
    ...(remarks.length === 0
      ? []
      : [row('<b>What stands out</b>'), ...remarks.map((r) => row(escapeHtml(r)))]),
  ];
  return [
    `legend [shape=plain, fontsize=9, label=<<table border="1" color="#afb8c1" cellborder="0" cellspacing="0">${rows.join('')}</table>>]`,
  ];
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // Even here Graphviz puts names for \N and the like.
  '\\': '\\\\',
};

/** Labels hold no control characters: node-id.ts spells them out. */
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"\\]/g, (char) => entities[char] ?? char);
