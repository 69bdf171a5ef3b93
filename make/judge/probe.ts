// SPDX-License-Identifier: BSD-2-Clause
// The numbers of vmm/judge_probe.c, out of its object: what the compiler, with this SDK, this libvmm and this sDDF, makes
// of their headers. So a field that upstream moves is read where it is, and no header is taken apart by patterns.
import assert from 'node:assert/strict';
import { damaged, type ElfFile, parseElf, sectionOf } from './elf-file.ts';

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

/** A config struct whose fields the compiler has placed. Refuses JDG190 where the section is too short for one. */
export class ConfigBytes {
  readonly #elf: ElfFile;
  readonly #section: string;
  readonly #bytes: Buffer;
  readonly #probe: Probe;
  readonly #base: number;
  constructor(elf: ElfFile, section: string, probe: Probe, base = 0) {
    this.#elf = elf;
    this.#section = section;
    this.#bytes = sectionOf(elf, section).bytes;
    this.#probe = probe;
    this.#base = base;
  }

  /** E.g. `u64('vmm_config_t.ram')`. */
  u64(field: string): bigint {
    return this.#bytes.readBigUInt64LE(this.#at(field, 8));
  }

  u32(field: string): number {
    return this.#bytes.readUInt32LE(this.#at(field, 4));
  }

  u8(field: string): number {
    return this.#bytes.readUInt8(this.#at(field, 1));
  }

  /** The first `count` elements of an array of `type`; no more than the bytes hold. */
  elements(field: string, type: string, count: number): ConfigBytes[] {
    const start = this.#at(field, 0);
    const size = Number(this.#probe(type));
    const most = Math.min(count, Math.floor((this.#bytes.length - start) / size));
    return Array.from(
      { length: most },
      (_, i) => new ConfigBytes(this.#elf, this.#section, this.#probe, start + i * size),
    );
  }

  #at(field: string, sizeBytes: number): number {
    const at = this.#base + Number(this.#probe(field));
    if (at + sizeBytes > this.#bytes.length)
      damaged(
        this.#elf.file,
        `has ${this.#bytes.length} bytes in '${this.#section}', too few for '${field}'`,
      );
    return at;
  }
}

const nameBytes = 56;
const entryBytes = nameBytes + 8;
