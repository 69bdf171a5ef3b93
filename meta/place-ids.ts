// SPDX-License-Identifier: BSD-2-Clause
// Ids of one protection domain: a set of 62. Channels and IRQs share one set, children have another. An id that is
// asked for is taken; else the lowest free one (sdfgen's rule).

import { pdLimits } from './limits.ts';

export type IdAnswer = { readonly id: number } | { readonly refused: 'taken' | 'range' | 'full' };

export class IdSet {
  readonly #taken = new Set<number>();

  /** Takes `wanted`, or the lowest free id, and says which; or says why not and takes nothing. */
  take(wanted?: number): IdAnswer {
    const id = wanted ?? this.#lowestFree();
    if (id === undefined) return { refused: 'full' };
    if (!Number.isInteger(id) || id < 0 || id >= pdLimits.ids) return { refused: 'range' };
    if (this.#taken.has(id)) return { refused: 'taken' };
    this.#taken.add(id);
    return { id };
  }

  #lowestFree(): number | undefined {
    for (let id = 0; id < pdLimits.ids; id += 1) if (!this.#taken.has(id)) return id;
    return undefined;
  }
}
