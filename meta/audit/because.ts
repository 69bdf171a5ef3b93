// SPDX-License-Identifier: BSD-2-Clause
// Why something is in an image: a line of the description, or a rule of Microkit's own.

import type { Place } from '../diagnostic.ts';

export interface Because {
  /** `microkit`: no line asks for it; every system, protection domain or virtual machine has it. */
  readonly kind:
    | 'protection domain'
    | 'virtual machine'
    | 'map'
    | 'memory region'
    | 'channel'
    | 'irq'
    | 'ioport'
    | 'cspace'
    | 'io address space'
    | 'domain schedule'
    | 'program'
    | 'microkit';
  /** What a person reads: `map of 'uart' at 0x20000000 in 'driver'`. */
  readonly text: string;
  /** The line of the user's TypeScript or SDF; rules of Microkit's have that of the protection domain they are about. */
  readonly place?: Place;
}

export const because = (kind: Because['kind'], text: string, place: Place | undefined): Because => ({
  kind,
  text,
  ...(place === undefined ? {} : { place }),
});
