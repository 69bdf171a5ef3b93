// SPDX-License-Identifier: BSD-2-Clause
// A guest's first file system: our own (PID 1, the two programs, modules), or an overlay of ours appended to an initrd
// that the user gave. The kernel unpacks one archive after the other, packed or not, and later entries win, so a
// given initrd is never taken apart.

import { Buffer } from 'node:buffer';
import { gzipSync } from 'node:zlib';

import { type CpioEntry, renderCpio } from './cpio.ts';

/** A program or module with its bytes. `name` is a plain file name. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface InitramfsParts {
  /** PID 1, linux/programs/init.c. */
  readonly init: Uint8Array;
  /** Go to /root: `vsock_send`, `vsock_recv`. */
  readonly programs: readonly NamedBytes[];
  /** Unpacked .ko files in load order; they go to /modules, beside a list of their names, /modules/order. */
  readonly modules?: readonly NamedBytes[];
  /** A static busybox for vsock_after=shell, as /bin/busybox with a few links to it. */
  readonly busybox?: Uint8Array;
}

/** Our whole initramfs, gzip'd. */
export function packInitramfs(parts: InitramfsParts): Buffer {
  return gzip(
    renderCpio([
      { kind: 'file', path: 'init', mode: 0o755, bytes: parts.init },
      // The kernel opens /dev/console for PID 1 before anything is mounted; PID 1 needs /dev/null as early.
      { kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
      { kind: 'character-device', path: 'dev/null', mode: 0o666, major: 1, minor: 3 },
      { kind: 'directory', path: 'proc', mode: 0o555 },
      { kind: 'directory', path: 'sys', mode: 0o555 },
      { kind: 'directory', path: 'tmp', mode: 0o1777 },
      ...programEntries(parts.programs),
      ...moduleEntries(parts.modules ?? []),
      ...busyboxEntries(parts.busybox),
    ]),
  );
}

export interface OverlayParts {
  readonly programs: readonly NamedBytes[];
  /** What the given system's own init starts last: linux/programs/S99vsock. */
  readonly startScript: Uint8Array;
  /** For a kernel whose console and vsock drivers are modules: our PID 1 goes first (rdinit=/vsock_init). */
  readonly modular?: {
    readonly init: Uint8Array;
    readonly modules: readonly NamedBytes[];
    /** Modules that lie in the given initrd itself: paths in it, in load order; they come after the others. */
    readonly theirs?: readonly string[];
  };
}

/** `initrd` with our programs in a second archive behind it. The first one is kept byte for byte. */
export function appendOverlay(initrd: Uint8Array, parts: OverlayParts): Buffer {
  const overlay = renderCpio([
    ...programEntries(parts.programs),
    { kind: 'file', path: 'etc/init.d/S99vsock', mode: 0o755, bytes: parts.startScript },
    ...(parts.modular === undefined ? [] : modularEntries(parts.modular)),
  ]);
  // The kernel skips NULs between archives, but an uncompressed one has to begin at a multiple of 4.
  const padding = Buffer.alloc((4 - (initrd.length % 4)) % 4);
  return Buffer.concat([initrd, padding, gzip(overlay)]);
}

/** Same bytes everywhere: no time, no name, and 255 ("unknown") for the system that packed it. */
export function gzip(bytes: Uint8Array): Buffer {
  const packed = gzipSync(bytes, { level: 9 });
  packed.writeUInt32LE(0, gzipTimeOffset);
  packed.writeUInt8(255, gzipSystemOffset);
  return packed;
}

/** RFC 1952, 2.3. */
const gzipTimeOffset = 4;
const gzipSystemOffset = 9;

const programEntries = (programs: readonly NamedBytes[]): CpioEntry[] =>
  programs.map(({ name, bytes }) => ({ kind: 'file', path: `root/${name}`, mode: 0o755, bytes }));

function moduleEntries(modules: readonly NamedBytes[], theirs: readonly string[] = []): CpioEntry[] {
  if (modules.length === 0 && theirs.length === 0) return [];
  const names = [...modules.map(({ name }) => name), ...theirs.map((path) => `../${path}`)];
  const order = Buffer.from(names.map((name) => `${name}\n`).join(''));
  return [
    { kind: 'file', path: 'modules/order', mode: 0o644, bytes: order },
    ...modules.map(
      ({ name, bytes }): CpioEntry => ({ kind: 'file', path: `modules/${name}`, mode: 0o644, bytes }),
    ),
  ];
}

/** The shell finds the other commands in busybox itself; these are for scripts that name a path. */
const busyboxLinks = ['bin/sh', 'sbin/poweroff', 'sbin/reboot'];

function busyboxEntries(busybox: Uint8Array | undefined): CpioEntry[] {
  if (busybox === undefined) return [];
  return [
    { kind: 'file', path: 'bin/busybox', mode: 0o755, bytes: busybox },
    ...busyboxLinks.map((path): CpioEntry => ({ kind: 'symlink', path, target: '/bin/busybox' })),
  ];
}

const modularEntries = ({ init, modules, theirs }: NonNullable<OverlayParts['modular']>): CpioEntry[] => [
  { kind: 'file', path: 'vsock_init', mode: 0o755, bytes: init },
  ...moduleEntries(modules, theirs),
];
