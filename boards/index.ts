// SPDX-License-Identifier: BSD-2-Clause
// Finds boards by name. The folders are the list; the bundler takes in every board.ts by the pattern of the import, so
// a new board needs no line here.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitCode, refuse } from '../meta/diagnostic.ts';
import { didYouMean } from '../meta/finding.ts';
import type { Board } from './schema.ts';

export type { Board } from './schema.ts';

/** Board names, sorted. */
export const boardNames = (): string[] =>
  readdirSync(boardsDirectory(), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(boardsDirectory(), entry.name, 'board.dts')))
    .map(({ name }) => name)
    .toSorted();

/** The board's checked data. Refuses BRD201 with what was meant, exit 2, if there is none of that name. */
export async function loadBoard(name: string): Promise<Board> {
  const names = boardNames();
  if (!names.includes(name))
    refuse('BRD201', `there is no board '${name}'`, { hint: didYouMean(name, names), exit: exitCode.usage });
  const module = (await import(`./${name}/board.ts`)) as { board: Board };
  return module.board;
}

/** Absolute path of the board's device tree source. */
export const boardDts = (name: string): string => join(boardsDirectory(), name, 'board.dts');

/** sDDF's own device tree of the board, the fuller one; the board's if it has none. */
export function referenceDts(name: string, sddf: string): string {
  const path = join(sddf, 'dts', `${name}.dts`);
  return existsSync(path) ? path : boardDts(name);
}

const boardsDirectory = (): string => join(packageDirectory(), 'boards');

/** vmbuild's own directory, with its C sources and board files: above this file in the sources, above dist/ when bundled. */
export function packageDirectory(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error('vmbuild runs outside of its package');
    directory = parent;
  }
  return directory;
}

/** Of package.json. */
export const packageVersion = (): string =>
  (JSON.parse(readFileSync(join(packageDirectory(), 'package.json'), 'utf8')) as { version: string }).version;
