// SPDX-License-Identifier: BSD-2-Clause
// docs/graph.md explains every mark, and docs/system.svg is the shipped system as `vmbuild graph` draws it with viz.
// After a change of either: node dist/vmbuild.cjs graph --format svg --output docs/system.svg, with no dot on PATH.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { drawWithViz, findViz } from '../../make/tools/graphviz.ts';
import { markKinds } from '../../meta/graph/marks.ts';
import { renderDot } from '../../meta/graph/render-dot.ts';
import { sceneOf } from '../../meta/graph/scene.ts';
import { graphOf } from '../../meta/graph/system-graph.ts';
import { describeForBoard } from '../meta/vsock-fixture.ts';

const docs = join(import.meta.dirname, '../../docs');

test('docs/system.svg is the shipped system', async () => {
  const { system } = await describeForBoard('qemu_virt_aarch64', 2);
  const dot = renderDot(sceneOf(graphOf(system, 'vsock')));
  expect(readFileSync(join(docs, 'system.svg'), 'utf8')).toBe(
    await drawWithViz(findViz() ?? '', dot, { env: process.env }),
  );
});

test('docs/graph.md explains each mark once, in their order', () => {
  const text = readFileSync(join(docs, 'graph.md'), 'utf8');
  expect([...text.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, kind]) => kind)).toEqual(markKinds);
});
