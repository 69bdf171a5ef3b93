// SPDX-License-Identifier: BSD-2-Clause
// Finds memory regions by name for those who use them. A name that nothing has gets a stand-in of one page that is no
// part of the system: the rules of maps find and name it.

import { regionLimits } from '../limits.ts';
import type { MemoryRegion } from '../model.ts';
import { bytes } from '../units.ts';

export class Regions {
  readonly #byName: Map<string, MemoryRegion>;

  constructor(regions: readonly MemoryRegion[]) {
    // The first one counts, as in the tool; that there are two is said elsewhere.
    this.#byName = new Map(regions.toReversed().map((region) => [region.name, region]));
  }

  find(name: string): MemoryRegion {
    return this.#byName.get(name) ?? { name, size: bytes(regionLimits.pageBytes) };
  }
}
