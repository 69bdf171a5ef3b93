// SPDX-License-Identifier: BSD-2-Clause
// For which machine a program was made, by its first bytes: an SDK for another one unpacks and looks well, but its tool
// does not start. Only what is certain is said; scripts and unknown formats are left to the system.
import { closeSync, openSync, readSync } from 'node:fs';

/** `linux on aarch64`, if the program at `path` cannot run here; undefined if it can, or if nobody knows. */
export function describeForeign(
  path: string,
  host: { readonly platform: string; readonly arch: string } = process,
): string | undefined {
  const made = machineOf(readHead(path));
  if (made === undefined) return undefined;
  // Apple's own translation runs x86-64 programs on its Arm machines.
  const isTranslated = host.platform === 'darwin' && host.arch === 'arm64' && made.arch === 'x64';
  const runs = made.platform === host.platform && (made.arch === host.arch || isTranslated);
  return runs ? undefined : `${made.platform} on ${made.arch}`;
}

interface Machine {
  /** As Node names them. */
  readonly platform: 'linux' | 'darwin';
  readonly arch: string;
}

function machineOf(head: Buffer): Machine | undefined {
  if (head.length < headBytes) return undefined;
  // e_machine of a little-endian ELF header; all hosts of Microkit are.
  if (head.readUInt32BE(0) === 0x7f454c46) return named('linux', elfMachines[head.readUInt16LE(18)]);
  if (head.readUInt32LE(0) === 0xfeedfacf) return named('darwin', machCpus[head.readUInt32LE(4)]);
  return undefined;
}

const named = (platform: Machine['platform'], arch: string | undefined): Machine | undefined =>
  arch === undefined ? undefined : { platform, arch };

/** EM_* of elf(5), and CPU_TYPE_* of Mach-O's header, in Node's words. */
const elfMachines: Readonly<Record<number, string>> = {
  3: 'ia32',
  40: 'arm',
  62: 'x64',
  183: 'arm64',
  243: 'riscv64',
};
const machCpus: Readonly<Record<number, string>> = { 0x0100_0007: 'x64', 0x0100_000c: 'arm64' };

const headBytes = 20;

function readHead(path: string): Buffer {
  const head = Buffer.alloc(headBytes);
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return head.subarray(0, 0); // may be executed, not read
  }
  try {
    return head.subarray(0, readSync(file, head, 0, headBytes, 0));
  } finally {
    closeSync(file);
  }
}
