// SPDX-License-Identifier: BSD-2-Clause
// Finds the real stack for tests, as the program itself does: the environment's paths, else what the store holds.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const store = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'vmbuild');

/** The first directory of the store's `folder` whose name starts with `prefix`. */
function fromStore(folder: string, prefix: string): string | undefined {
  const parent = join(store, folder);
  if (!existsSync(parent)) return undefined;
  const name = readdirSync(parent)
    .toSorted()
    .find((name) => name.startsWith(prefix));
  return name === undefined ? undefined : join(parent, name);
}

const existing = (path: string | undefined): string | undefined =>
  path !== undefined && existsSync(path) ? path : undefined;

export const libvmm = existing(process.env['LIBVMM'] ?? fromStore('src', 'libvmm-'));
export const sddf = existing(process.env['SDDF'] ?? fromStore('src', 'sddf-'));

const sdk = process.env['MICROKIT_SDK'] ?? fromStore('sdk', 'microkit-sdk-');

/** Headers of the SDK for QEMU's board, debug. */
export const sdkInclude =
  sdk === undefined ? undefined : existing(join(sdk, 'board/qemu_virt_aarch64/debug/include'));

/** Every clang that is there, newest first; one is enough for a test, but layouts are compared with all. */
export const clangs = ['clang', 'clang-19', 'clang-14'].filter(runs);
export const objcopy = ['llvm-objcopy', 'llvm-objcopy-19', 'llvm-objcopy-14'].find(runs);
export const dtc = ['dtc'].find(runs);

/** A Python that has sdfgen 0.35.1. */
export const sdfgenPython = existing(
  process.env['VMBUILD_SDFGEN_PYTHON'] ?? join(store, 'venv-sdfgen-0.35.1/bin/python'),
);

function runs(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    // Not there, or not working: both mean that the test cannot use it.
    return false;
  }
}
