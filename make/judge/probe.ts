// SPDX-License-Identifier: BSD-2-Clause
// The numbers of vmm/judge_probe.c, out of its object: what the compiler, with this SDK, this libvmm and this sDDF, makes
// of their headers. So a field that upstream moves is read where it is, and no header is taken apart by patterns.
import assert from 'node:assert/strict';
import { parseElf, sectionOf } from './elf-file.ts';

/** Gives the number of that name. */
export type Probe = (name: string) => bigint;

export function readProbe(object: Buffer, file: string): Probe {
  const { bytes } = sectionOf(parseElf(object, file), '.judge');
  const numbers = new Map<string, bigint>();
  for (let at = 0; at + entryBytes <= bytes.length; at += entryBytes) {
    const name = bytes.toString('latin1', at, bytes.indexOf(0, at));
    numbers.set(name, bytes.readBigUInt64LE(at + nameBytes));
  }
  return (name) => {
    const value = numbers.get(name);
    assert(value !== undefined, `judge_probe.c has no '${name}'`);
    return value;
  };
}

/** A field of a config struct that was placed by the compiler. Refuses nothing: the section has the struct's size. */
export class ConfigBytes {
  readonly #bytes: Buffer;
  readonly #probe: Probe;
  readonly #base: number;
  constructor(bytes: Buffer, probe: Probe, base = 0) {
    this.#bytes = bytes;
    this.#probe = probe;
    this.#base = base;
  }

  /** E.g. `u64('vmm_config_t.ram')`. */
  u64(field: string): bigint {
    return this.#bytes.readBigUInt64LE(this.#at(field));
  }

  u32(field: string): number {
    return this.#bytes.readUInt32LE(this.#at(field));
  }

  u8(field: string): number {
    return this.#bytes.readUInt8(this.#at(field));
  }

  /** The first `count` elements of an array of `type`; no more than the bytes hold. */
  elements(field: string, type: string, count: number): ConfigBytes[] {
    const start = this.#at(field);
    const size = Number(this.#probe(type));
    const most = Math.min(count, Math.floor((this.#bytes.length - start) / size));
    return Array.from(
      { length: most },
      (_, i) => new ConfigBytes(this.#bytes, this.#probe, start + i * size),
    );
  }

  #at(field: string): number {
    return this.#base + Number(this.#probe(field));
  }
}

const nameBytes = 56;
const entryBytes = nameBytes + 8;
