// SPDX-License-Identifier: BSD-2-Clause
// Every accepted description of the suites, of sdfgen's goldens and of ours: imported, compiled, run, written out and
// read again, it is the same.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CheckTarget, targetOf } from '../../../meta/check/target.ts';
import { graphToJson } from '../../../meta/graph/render-json.ts';
import { renderDot } from '../../../meta/graph/render-dot.ts';
import { renderMermaid } from '../../../meta/graph/render-mermaid.ts';
import { sceneOf } from '../../../meta/graph/scene.ts';
import { graphOf } from '../../../meta/graph/system-graph.ts';
import { renderSource } from '../../../meta/import/render-source.ts';
import { renderSdf, type SystemDescription } from '../../../meta/index.ts';
import { checkSdf } from '../../../meta/sdf/check.ts';
import { parseSdf } from '../../../meta/sdf/parse.ts';
import { requireConformance, sdfgenRoot } from '../conformance.ts';
import { readFlowchart } from '../graph/mermaid-reader.ts';
import { errorsOf, findPrefill, readExpected, requireSdfCases, sdfRoot, targetFor } from '../sdf-cases.ts';
import { describeForBoard } from '../vsock-fixture.ts';
import { compileSources, foreignNodes, runSource, withoutPlaces } from './imported.ts';

interface Given {
  readonly name: string;
  readonly system: SystemDescription;
}

/** The system in a file; undefined if our rules refuse it. */
function accept(file: string, target: CheckTarget): Given | undefined {
  const { system, findings } = checkSdf(readFileSync(file, 'utf8'), basename(file), target, findPrefill);
  return system === undefined || errorsOf(findings).length > 0 ? undefined : { name: file, system };
}

/** There and back; gives the source. */
function roundTrip({ name, system }: Given): string {
  const source = renderSource(system, basename(name));
  const again = runSource(source, system.arch);
  expect(withoutPlaces(again), name).toEqual(withoutPlaces(system));
  const { system: read, findings } = parseSdf(renderSdf(again), 'again.system', {
    arch: system.arch,
    findPrefill,
  });
  expect(errorsOf(findings), name).toEqual([]);
  expect(read === undefined ? undefined : withoutPlaces(read), name).toEqual(withoutPlaces(system));
  expect(foreignNodes(source), name).toEqual([]);
  return source;
}

/** For one run of tsc over everything. */
const sources: string[] = [];

function roundTrips(what: string, given: readonly Given[], refused: number): void {
  const imported = given.map(roundTrip);
  sources.push(...imported);
  for (const { name, system } of given) draws(name, system);
  const others = refused === 0 ? '' : `, ${refused} more are refused by our rules`;
  process.stdout.write(`import: ${what}: round trips ${imported.length} of ${given.length}${others}\n`);
}

/** The same systems are there for the pictures of `vmbuild graph`. */
function draws(name: string, system: SystemDescription): void {
  const graph = graphOf(system, basename(name));
  const scene = sceneOf(graph);
  expect(renderDot(scene), name).toMatch(/^digraph system \{\n[^]*\n\}\n$/);
  readFlowchart(renderMermaid(scene));
  expect(JSON.parse(JSON.stringify(graphToJson(graph))), name).toMatchObject({
    version: 1,
    arch: system.arch,
  });
}

describe('round trips', () => {
  test("of Microkit's own suite", (ctx) => {
    requireSdfCases(ctx);
    const { configs, cases } = readExpected();
    const wanted = cases.filter(({ ok }) => ok);
    const given = wanted.flatMap(
      ({ file, config }) => accept(join(sdfRoot, 'sdf', file), targetFor(configs, config)) ?? [],
    );
    expect(given).toHaveLength(wanted.length);
    roundTrips('Microkit', given, 0);
  });

  test("of sdfgen's goldens", (ctx) => {
    requireConformance(ctx);
    const folders = ['golden', 'golden_vsock_branch', 'repo_tests'];
    const files = folders.flatMap((folder) =>
      readdirSync(join(sdfgenRoot, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.system'))
        .map((name) => join(sdfgenRoot, folder, name)),
    );
    expect(files.length).toBeGreaterThan(100);
    const given = files.flatMap(
      (file) => accept(file, targetOf(file.includes('riscv64') ? 'riscv64' : 'aarch64')) ?? [],
    );
    expect(given.length).toBeGreaterThan(90);
    roundTrips('sdfgen', given, files.length - given.length);
  });

  test('of our own systems', async () => {
    const boards = ['qemu_virt_aarch64', 'maaxboard', 'odroidc4', 'zcu102'];
    const given = await Promise.all(
      boards.flatMap((board) =>
        [2, 3, 16].map(async (vms) => ({
          name: `${board} ${vms}`,
          system: (await describeForBoard(board, vms)).system,
        })),
      ),
    );
    roundTrips('vmbuild', given, 0);
  });

  test('end in sources that tsc has nothing to say about', () => {
    expect(sources.length).toBeGreaterThan(0);
    expect(compileSources(sources)).toEqual([]);
    process.stdout.write(`import: tsc accepts ${sources.length} of ${sources.length}\n`);
  });
});
