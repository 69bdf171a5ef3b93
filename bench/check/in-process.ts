// SPDX-License-Identifier: BSD-2-Clause
// A system placed, checked and rendered by the library, in a process of its own: what its first user waits for, and what
// a program waits that does it again and again.
import { renderSdf } from '../../meta/sdf/render.ts';
import { middleSize, placeSystem } from './system.ts';

export interface Stages {
  readonly placeMs: number;
  readonly checkMs: number;
  readonly renderMs: number;
}

/** Of the first time and of the last. */
export interface InProcess {
  readonly first: Stages;
  readonly last: Stages;
}

const repetitions = 20;

export function measureInProcess(): InProcess {
  const first = measureOnce();
  let last = first;
  for (let i = 0; i < repetitions; i += 1) last = measureOnce();
  return { first, last };
}

function measureOnce(): Stages {
  const startMs = performance.now();
  const builder = placeSystem(middleSize);
  const placedMs = performance.now();
  const { system } = builder.build();
  const checkedMs = performance.now();
  renderSdf(system);
  return {
    placeMs: placedMs - startMs,
    checkMs: checkedMs - placedMs,
    renderMs: performance.now() - checkedMs,
  };
}
