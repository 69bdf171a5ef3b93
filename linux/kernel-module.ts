// SPDX-License-Identifier: BSD-2-Clause
// What a kernel module says of itself in its .modinfo section (`depends=vsock,…`), and from that the order in which
// to load the modules that a guest needs. (modules.dep would say the same, but Debian makes it at installation.)
import type { Buffer } from 'node:buffer';
import { refuse } from '../meta/diagnostic.ts';

/** A module of the kernel's, unpacked. `name` is what it calls itself, with underscores: `virtio_mmio`. */
export interface KernelModule {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * `wanted` and all that they depend on, each after what it needs. `load` gives a module's bytes, or undefined if the
 * kernel's package has no such module, which then is built in or absent: it is left out, and named in `missing`.
 */
export async function orderModules(
  wanted: readonly string[],
  load: (name: string) => Promise<Buffer | undefined>,
): Promise<{ modules: KernelModule[]; missing: string[] }> {
  const modules: KernelModule[] = [];
  const missing: string[] = [];
  const seen = new Set<string>();
  const visit = async (name: string): Promise<void> => {
    if (seen.has(name)) return;
    seen.add(name);
    const bytes = await load(name);
    if (bytes === undefined) {
      missing.push(name);
      return;
    }
    for (const needed of readModinfo(bytes, name).depends) await visit(needed);
    modules.push({ name, bytes });
  };
  for (const name of wanted) await visit(name);
  return { modules, missing };
}

export interface Modinfo {
  readonly depends: readonly string[];
  /** Release of the kernel that it was built for, e.g. `7.3.4+deb13-cloud-arm64`. */
  readonly release: string;
}

/** Reads .modinfo of a 64-bit little-endian ELF file: NUL-separated `key=value`. `subject` names it in errors. */
export function readModinfo(module: Buffer, subject: string): Modinfo {
  const section = findSection(module, '.modinfo');
  if (section === undefined)
    refuse(
      'DEB110',
      `module '${subject}' (${module.length} bytes) is not a 64-bit ELF file with a .modinfo section`,
      {
        hint: 'fetch the kernel again: remove its folder from the cache',
      },
    );
  const fields = new Map<string, string>();
  for (const field of section.toString('latin1').split('\0')) {
    const equals = field.indexOf('=');
    if (equals > 0) fields.set(field.slice(0, equals), field.slice(equals + 1));
  }
  return {
    depends: (fields.get('depends') ?? '').split(',').filter(Boolean),
    release: fields.get('vermagic')?.split(' ')[0] ?? '',
  };
}

/** ELF-64 Object File Format 1.5: section header table at e_shoff, names in section e_shstrndx. */
function findSection(elf: Buffer, wanted: string): Buffer | undefined {
  const isElf64 = elf.length >= 64 && elf.readUInt32BE(0) === 0x7f454c46 && elf[4] === 2 && elf[5] === 1;
  if (!isElf64) return undefined;
  const [entrySize, count, nameIndex] = [elf.readUInt16LE(58), elf.readUInt16LE(60), elf.readUInt16LE(62)];
  const tableStart = Number(elf.readBigUInt64LE(40));
  if (entrySize < 64 || tableStart + count * entrySize > elf.length || nameIndex >= count) return undefined;

  const body = (index: number): Buffer => {
    const header = tableStart + index * entrySize;
    const start = Number(elf.readBigUInt64LE(header + 24));
    return elf.subarray(start, start + Number(elf.readBigUInt64LE(header + 32)));
  };
  const names = body(nameIndex);
  for (let index = 1; index < count; index += 1) {
    const nameStart = elf.readUInt32LE(tableStart + index * entrySize);
    if (names.toString('latin1', nameStart, names.indexOf(0, nameStart)) === wanted) return body(index);
  }
  return undefined;
}
