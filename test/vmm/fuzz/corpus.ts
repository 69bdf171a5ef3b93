// SPDX-License-Identifier: BSD-2-Clause
// Programs for the fuzzer to start from: each operation of device_fuzz.c in a place where it does something, and each
// kind of packet on each way through the device.

import { creditPrograms, heldPrograms } from './deferred-programs.ts';
import { chainPrograms, guestPrograms, registerPrograms } from './guest-programs.ts';
import { lonelyPrograms, ringPrograms } from './peer-programs.ts';

/** A program by its name. */
export type Corpus = ReadonlyMap<string, Uint8Array>;

/** All programs, by what they are about. */
export function makeCorpus(): Corpus {
  return new Map(
    Object.entries({
      ...registerPrograms(),
      ...guestPrograms(),
      ...chainPrograms(),
      ...ringPrograms(),
      ...lonelyPrograms(),
      ...creditPrograms(),
      ...heldPrograms(),
    }).map(([name, program]) => [name, Uint8Array.from(program)]),
  );
}
