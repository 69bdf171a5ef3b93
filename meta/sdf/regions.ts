// SPDX-License-Identifier: BSD-2-Clause
// The memory regions of a file that is being read, for those who use them by name, mostly behind them and sometimes
// before. A name that nothing has in the end stays a stand-in of one page that is no part of the system: the rules of maps
// find and name it.

import { regionLimits } from '../limits.ts';
import type { MemoryRegion } from '../model.ts';
import { bytes } from '../units.ts';

export class Regions {
  readonly all: MemoryRegion[] = [];
  readonly #byName = new Map<string, MemoryRegion>();
  /** Stand-ins, of which each becomes the region when that comes. */
  readonly #awaited = new Map<string, MemoryRegion>();

  add(read: MemoryRegion): void {
    const { name } = read;
    const awaited = this.#awaited.get(name);
    const region = awaited === undefined ? read : Object.assign(awaited, read);
    this.#awaited.delete(name);
    this.all.push(region);
    // The first one counts, as in the tool; that there are two is said elsewhere.
    if (!this.#byName.has(name)) this.#byName.set(name, region);
  }

  find(name: string): MemoryRegion {
    const known = this.#byName.get(name) ?? this.#awaited.get(name);
    if (known !== undefined) return known;
    const standIn = { name, size: bytes(regionLimits.pageBytes) };
    this.#awaited.set(name, standIn);
    return standIn;
  }
}
