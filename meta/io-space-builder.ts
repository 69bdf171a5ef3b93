// SPDX-License-Identifier: BSD-2-Clause
// One I/O address space while it is being described.

import type { Place } from './diagnostic.ts';
import type { IoAddressSpace, IoMap, MemoryRegion } from './model.ts';
import { callSite } from './place.ts';

export type IoSpaceOptions = Omit<IoAddressSpace, 'maps' | 'place'>;

export class IoSpaceBuilder {
  readonly options: IoSpaceOptions;
  readonly #place: Place | undefined = callSite();
  readonly #maps: IoMap[] = [];

  constructor(options: IoSpaceOptions) {
    this.options = options;
  }

  /** Shows `mr` to the device at an address of its own. */
  map(mr: MemoryRegion, options: Pick<IoMap, 'iovaddr' | 'perms'>): void {
    const place = callSite();
    this.#maps.push({ mr, ...options, ...(place === undefined ? {} : { place }) });
  }

  describe(): IoAddressSpace {
    return {
      ...this.options,
      maps: [...this.#maps],
      ...(this.#place === undefined ? {} : { place: this.#place }),
    };
  }
}
