// SPDX-License-Identifier: BSD-2-Clause
// Looks at an initrd before a guest kernel panics over it: what packs it, whether it is whole, whether it is a cpio
// archive and has an /init. gzip and plain archives are read to the end; of the other packers only the outside is judged.
import type { Buffer } from 'node:buffer';
import { type Diagnostic, formatRange, formatSize } from '../meta/diagnostic.ts';
import type { GuestLayout } from '../meta/guest.ts';
import { type CpioFault, type CpioMember, type Packing, readCpio } from './cpio-read.ts';

export interface Initrd {
  /** What is in it, as far as it could be read; not there if all of it could not. */
  readonly members?: readonly CpioMember[];
  /** The first archive in it that could not be read. */
  readonly unread?: Packing;
}

/** `initrd` is there if and only if no diagnostic is an error. `path` is how messages call the file. */
export function inspectInitrd(
  bytes: Buffer,
  path: string,
  unpackedLimitBytes = maxUnpackedBytes,
): { readonly initrd?: Initrd; readonly diagnostics: readonly Diagnostic[] } {
  const refused = (code: string, what: string, hint: string) => ({
    diagnostics: [finding('error', code, path, what, hint)],
  });
  if (bytes.length === 0) return refused('INIT101', 'is empty', 'copy it again');
  const listing = readCpio(bytes, unpackedLimitBytes);
  if ('kind' in listing) return { diagnostics: [explain(listing, bytes, path)] };
  const { members, unread } = listing;
  if (unread === undefined) return { initrd: { members }, diagnostics: checkInit(members, path) };

  const { packing } = unread;
  if (packing === 'lz4 frame')
    return refused('INIT103', 'is an lz4 frame, which the kernel cannot unpack', 'pack it again with lz4 -l');
  if (packing === 'xz' && trimNuls(bytes).toString('latin1').at(-1) !== 'Z')
    return refused('INIT104', `is a cut off xz file of ${bytes.length} bytes`, 'copy or download it again');
  const part = members.length === 0 ? {} : { members };
  return { initrd: { ...part, unread: packing }, diagnostics: [warnUnread(unread, bytes, path)] };
}

/** An initrd of `sizeBytes` against its window. */
export function checkInitrdFit(sizeBytes: number, layout: GuestLayout, path: string): Diagnostic[] {
  const { start, end } = layout.initrd;
  if (BigInt(sizeBytes) <= end - start) return [];
  const what = `takes ${formatSize(BigInt(sizeBytes))}, but its window ${formatRange(start, end)} has ${formatSize(end - start)}`;
  const hint = 'pack it better (xz), leave things out, or give the board a larger window in its board.ts';
  return [finding('error', 'INIT120', path, what, hint)];
}

/** vmbuild's programs are started by a script there, which the system's own init has to run. */
export function checkStarter({ members = [] }: Initrd, path: string): Diagnostic[] {
  if (!members.some((member) => member.path === 'init')) return []; // not read, or something was said already
  if (members.some((member) => /^etc\/init\.d(\/|$)/.test(member.path))) return [];
  const what = `has no /etc/init.d among its ${members.length} entries, so perhaps nobody runs the start-up script that vmbuild adds there`;
  const hint = "have its init run '/etc/init.d/S99vsock start', as buildroot's does";
  return [finding('warning', 'INIT123', path, what, hint)];
}

const finding = (
  severity: Diagnostic['severity'],
  code: string,
  path: string,
  what: string,
  hint: string,
): Diagnostic => ({ code, severity, message: `initrd '${path}' ${what}`, place: { file: path }, hint });

/** What unpacks to more than this fits no guest here; it also bounds a bomb. */
const maxUnpackedBytes = 1024 ** 3;

function explain({ kind, what }: CpioFault, bytes: Buffer, path: string): Diagnostic {
  const [code, text, hint] = {
    magic: [
      'INIT102',
      `begins with 0x${what}: neither a newc cpio archive nor packed with gzip, xz, zstd, lz4, bzip2, lzma or lzop`,
      'make one: find . | cpio -o -H newc | gzip > initrd.cpio.gz',
    ],
    packing: [
      'INIT105',
      `cannot be unpacked (gzip, ${bytes.length} bytes): ${what}`,
      'copy or download it again',
    ],
    cpio: [
      'INIT106',
      `is not a whole newc cpio archive: ${what}`,
      'copy it again, or make one with cpio -o -H newc',
    ],
    name: [
      'INIT121',
      `holds a name that leads out of it: ${what}`,
      'pack it anew from its own top directory; do not use one that you have not made',
    ],
  }[kind] as [string, string, string];
  return finding('error', code, path, text, hint);
}

const unpackers: Readonly<Record<Exclude<Packing, 'gzip'>, string>> = {
  xz: 'xz',
  zstd: 'zstd',
  lz4: 'lz4',
  'lz4 frame': 'lz4',
  bzip2: 'bzip2',
  lzma: 'xz --format=lzma',
  lzop: 'lzop',
};

/** The kernel unpacks only what its CONFIG_RD_ options name; gzip is what all have, and what can be looked into here. */
function warnUnread(
  { packing, offset }: { packing: Packing; offset: number },
  bytes: Buffer,
  path: string,
): Diagnostic {
  const name = packing === 'gzip' ? 'gzip' : unpackers[packing];
  const option = `CONFIG_RD_${packing === 'lzop' ? 'LZO' : packing.toUpperCase()}`;
  const whole = offset === 0 ? `'${path}'` : `<(tail -c +${offset + 1} '${path}')`;
  return finding(
    'warning',
    'INIT122',
    path,
    `is packed with ${packing} (${bytes.length - offset} bytes from offset ${offset}): what is in it is not checked, and the kernel needs ${option}=y`,
    `pack it with gzip instead: ${name} -dc ${whole} | gzip > initrd.cpio.gz`,
  );
}

function trimNuls(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return bytes.subarray(0, end);
}

function checkInit(members: readonly CpioMember[], path: string): Diagnostic[] {
  if (members.some((member) => member.path === 'init')) return [];
  const what = `has no /init among its ${members.length} entries; the kernel will look for a root device instead`;
  return [finding('warning', 'INIT107', path, what, 'add an /init, or leave --initrd out')];
}
