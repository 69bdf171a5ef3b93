// SPDX-License-Identifier: BSD-2-Clause
// A system placed, checked and rendered by the library: what its first user in a process waits for, and what a program
// waits that does it again and again.
import { type Library, loadLibrary, middleSize, placeSystem } from './system.ts';

export interface Stages {
  readonly placeMs: number;
  readonly checkMs: number;
  readonly renderMs: number;
}

const repetitions = 20;

/** The first time, and the median of the later ones. */
export async function measureInProcess(): Promise<{ readonly first: Stages; readonly later: Stages }> {
  const library = await loadLibrary();
  const first = measureOnce(library);
  const all = Array.from({ length: repetitions }, () => measureOnce(library));
  const later = all.toSorted((a, b) => sumOf(a) - sumOf(b))[repetitions / 2] ?? first;
  return { first, later };
}

export const sumOf = ({ placeMs, checkMs, renderMs }: Stages): number => placeMs + checkMs + renderMs;

function measureOnce(library: Library): Stages {
  const startMs = performance.now();
  const builder = placeSystem(library, middleSize);
  const placedMs = performance.now();
  const { system } = builder.build();
  const checkedMs = performance.now();
  library.renderSdf(system);
  return {
    placeMs: placedMs - startMs,
    checkMs: checkedMs - placedMs,
    renderMs: performance.now() - checkedMs,
  };
}
