// SPDX-License-Identifier: BSD-2-Clause
// What is drawn is accepted by who draws it, says what is there, and lets no name out of its label.

import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { array, assert, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drawSvg, drawWithDot, drawWithViz, findViz } from '../../../make/tools/graphviz.ts';
import { onPath } from '../../../make/tools/on-path.ts';
import { visible } from '../../../meta/graph/node-id.ts';
import { renderDot } from '../../../meta/graph/render-dot.ts';
import { mermaidLimits, renderMermaid } from '../../../meta/graph/render-mermaid.ts';
import { sceneLimits, sceneOf } from '../../../meta/graph/scene.ts';
import { graphOf } from '../../../meta/graph/system-graph.ts';
import type { SystemDescription } from '../../../meta/index.ts';
import { requireOrSkip } from '../../require.ts';
import { describeForBoard } from '../vsock-fixture.ts';
import { readFlowchart } from './mermaid-reader.ts';
import { builder, hostileNames, pd, systemWithNames } from './systems.ts';

const dotOf = (system: SystemDescription): string => renderDot(sceneOf(graphOf(system, 'test')));
const mermaidOf = (system: SystemDescription): string => renderMermaid(sceneOf(graphOf(system, 'test')));
const env = process.env;

const viz = (dot: string): Promise<string> => {
  const entry = findViz();
  if (entry === undefined) throw new Error('@viz-js/viz is a devDependency');
  return drawWithViz(entry, dot, { env });
};

/** All texts of an SVG, and that nothing in it runs or is fetched. */
function textsOf(svg: string): string[] {
  expect(XMLValidator.validate(svg)).toBe(true);
  expect(svg.startsWith('<svg')).toBe(true);
  const markup = svg.replaceAll(/>[^<]*</g, '><').replaceAll(/xmlns(:xlink)?="[^"]*"/g, '');
  expect(markup).not.toMatch(
    /<(script|foreignObject|image|use|iframe|style|a)\b|\son\w+\s*=|<!DOCTYPE|url\(/i,
  );
  expect(markup).not.toMatch(/(href|src)\s*=|https?:|javascript:/);
  const found: string[] = [];
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(walk);
    else if (typeof node === 'object' && node !== null)
      for (const [key, value] of Object.entries(node))
        if (key === 'text')
          for (const each of [value].flat()) found.push(textOf(each).replaceAll('\u00a0', ' '));
        else walk(value);
  };
  walk(
    new XMLParser({
      ignoreAttributes: false,
      parseTagValue: false,
      trimValues: false,
      htmlEntities: true,
    }).parse(svg),
  );
  return found;
}

const textOf = (element: unknown): string =>
  String(typeof element === 'object' ? (element as { '#text': unknown })['#text'] : element);

describe('the shipped system', () => {
  test('is drawn by viz with everything that a box says', async () => {
    const { system } = await describeForBoard('qemu_virt_aarch64', 2);
    const texts = textsOf(await viz(dotOf(system))).join('\n');
    for (const wanted of [
      'serial_driver',
      'priority 254',
      'passive',
      'IRQ 33, level, id 0',
      'client_linux1',
      'guest_ram_client_linux0  128 MiB',
      'vsock/CLIENT_VMM0/CLIENT_VMM1  132 KiB',
      'rw uncached',
      '0x20021000',
      'PPC',
      '13 regions can be written by two protection domains or more',
    ])
      expect(texts).toContain(wanted);
  });

  test('is drawn by dot', async (ctx) => {
    const tool = onPath('dot', env);
    requireOrSkip(ctx, 'graphviz', tool !== undefined, "no 'dot' on PATH");
    const { system } = await describeForBoard('maaxboard', 2);
    expect(textsOf(await drawWithDot(tool ?? '', dotOf(system), { env }))).toContain('client_linux1');
  });

  test('has as many links in Mermaid as it has channels, and maps of groups', async () => {
    const { system } = await describeForBoard('qemu_virt_aarch64', 2);
    const { nodes, links, classes } = readFlowchart(mermaidOf(system));
    expect(nodes.get('pd_timer_driver')).toBe(
      '<b>timer_driver</b><br>priority 254<br>passive<br>timer_driver.elf<br>IRQ 30, level, id 0',
    );
    expect(links).toHaveLength(34);
    expect(links).toContainEqual({ from: 'pd_timer_driver', to: 'pd_CLIENT_VMM1', label: '2 to 3<br>PPC' });
    expect(classes.get('mr_intc_8000000_vcpu')).toEqual(['device', 'shared']);
  });
});

test('inversions and writable code are red, what two write is orange, the rest neither', async () => {
  const sdf = builder();
  const [low, high, other] = [pd(sdf, 'low', 1), pd(sdf, 'high', 2), pd(sdf, 'other', 3)];
  sdf.addChannel({ a: { pd: high, pp: true }, b: { pd: low } });
  sdf.addChannel({ a: { pd: high }, b: { pd: other } });
  const mr = sdf.addMr({ name: 'mr', size: 0x1000n });
  for (const each of [high, other]) each.map(mr, { perms: 'rw' });
  const dot = dotOf(sdf.describe());
  const lineOf = (start: string): string =>
    dot.split('\n').find((text) => text.trim().startsWith(start)) ?? '';
  expect(lineOf('pd_low [')).toContain('color="#cf222e"');
  expect(lineOf('pd_high -> pd_low')).toContain('color="#cf222e"');
  expect(lineOf('pd_other -> pd_high')).not.toContain('#cf222e');
  expect(lineOf('pd_other [')).not.toContain('#cf222e');
  expect(lineOf('mr_mr [')).toContain('color="#bc4c00"');
  const { classes } = readFlowchart(mermaidOf(sdf.describe()));
  expect(Object.fromEntries(classes)).toMatchObject({
    pd_low: ['pd', 'alarm'],
    pd_high: ['pd', 'alarm'],
    pd_other: ['pd'],
    mr_mr: ['region', 'shared'],
  });
  expect(textsOf(await viz(dot)).join('\n')).toContain("'high' (2) makes protected calls to 'low' (1)");
});

describe('names', () => {
  test('of all kinds are shown as they are, or spelt out', async () => {
    const system = systemWithNames(hostileNames);
    const texts = textsOf(await viz(dotOf(system)));
    const { nodes } = readFlowchart(mermaidOf(system));
    const labels = [...nodes.values()];
    for (const name of hostileNames) {
      expect(texts, name).toContain(visible(name));
      expect(
        labels.filter((label) => label.startsWith(`<b>${visible(name)}</b>`)).length,
        name,
      ).toBeGreaterThan(1);
    }
  });

  test('of all kinds are taken by dot', async (ctx) => {
    const tool = onPath('dot', env);
    requireOrSkip(ctx, 'graphviz', tool !== undefined, "no 'dot' on PATH");
    textsOf(await drawWithDot(tool ?? '', dotOf(systemWithNames(hostileNames)), { env }));
  });

  test('whatever they are, never leave their labels', () => {
    assert(
      property(array(string({ unit: 'binary' }), { minLength: 1, maxLength: 6 }), (names) => {
        const system = systemWithNames(names);
        const { nodes } = readFlowchart(mermaidOf(system));
        const dot = dotOf(system);
        // Outside of labels there are only words of ours.
        const bare = dot.replaceAll(/label=<(?:[^<>]|<\/?(?:b|br|table|tr|td)\b[^<>]*>)*>/g, '');
        expect(bare).toMatch(/^[\w\s{}[\];,."#=/>-]*$/);
        expect(nodes.size).toBe(names.length * 3 + (nodes.has('remarks') ? 1 : 0));
      }),
    );
  });
});

test('the same system gives the same bytes', async () => {
  const draw = async (): Promise<string[]> => {
    const { system } = await describeForBoard('odroidc4', 3);
    return [dotOf(system), mermaidOf(system), await viz(dotOf(system))];
  };
  expect(await draw()).toEqual(await draw());
});

describe('a big system', () => {
  /** 60 protection domains; regions are private, or shared by two or three that are drawn by a fixed lot. */
  const big = (regions: number): SystemDescription => {
    const sdf = builder();
    const pds = Array.from({ length: 60 }, (_, index) => pd(sdf, `pd${index}`, index));
    let lot = 1;
    const draw = (): number => {
      lot = (lot * 48_271) % 2_147_483_647;
      return lot;
    };
    for (let index = 0; index < regions; index += 1) {
      const mr = sdf.addMr({ name: `mr${index}`, size: 0x1000n });
      const owners = new Set(Array.from({ length: 1 + (index % 3) }, () => pds[draw() % 60]));
      for (const owner of owners) owner?.map(mr, { perms: draw() % 2 > 0 ? 'rw' : 'r' });
    }
    return sdf.describe();
  };

  test('is drawn with less, until it fits', () => {
    const details = [10, 110, 300, 2000].map((count) => sceneOf(graphOf(big(count), 'test')).detail);
    expect(details).toEqual(['regions', 'shared regions', 'pairs', 'numbers']);
  });

  test('stays below what Mermaid takes', () => {
    const scene = sceneOf(
      graphOf(big(300), 'test'),
      (drawn) => renderMermaid(drawn).length < mermaidLimits.chars,
    );
    const text = renderMermaid(scene);
    expect(text.length).toBeLessThan(mermaidLimits.chars);
    expect(readFlowchart(text).links.length).toBeLessThanOrEqual(sceneLimits.lines);
  });

  test('is laid out by viz', async () => {
    textsOf(await viz(dotOf(big(110))));
  });
});

test('what takes too long is ended and refused', async () => {
  const sdf = builder();
  const pds = Array.from({ length: 60 }, (_, index) => pd(sdf, `pd${index}`, index));
  for (const a of pds)
    for (const b of pds) if (a.name < b.name) sdf.addChannel({ a: { pd: a }, b: { pd: b } });
  const dot = dotOf(sdf.describe());
  const entry = findViz() ?? '';
  await expect(drawWithViz(entry, dot, { env, deadlineMs: 1 })).rejects.toMatchObject({
    diagnostics: [{ code: 'GRF103' }],
  });
  const tool = onPath('dot', env);
  if (tool === undefined) return;
  await expect(drawWithDot(tool, dot, { env, deadlineMs: 1 })).rejects.toMatchObject({
    diagnostics: [{ code: 'GRF103' }],
  });
});

test('what Graphviz refuses is refused in its words', async () => {
  await expect(viz('digraph {')).rejects.toMatchObject({ diagnostics: [{ code: 'GRF102' }] });
  const tool = onPath('dot', env);
  if (tool === undefined) return;
  await expect(drawWithDot(tool, 'digraph {', { env })).rejects.toMatchObject({
    diagnostics: [{ code: 'GRF102', message: expect.stringContaining('syntax error') as string }],
  });
});

test('without dot and viz it says how to get either', async () => {
  await expect(drawSvg('digraph {}', { env: { PATH: '' }, viz: undefined })).rejects.toMatchObject({
    exit: 69,
    diagnostics: [{ code: 'GRF101', hint: expect.stringContaining('npm install @viz-js/viz') as string }],
  });
});
