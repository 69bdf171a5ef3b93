// SPDX-License-Identifier: BSD-2-Clause
// The real Debian guest for tests: from vmbuild's own cache, or fetched into it from this host's mirror.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type DebianGuest, fetchDebianGuest } from '../../linux/debian.ts';
import { Refusal } from '../../meta/diagnostic.ts';

export const cacheDir =
  process.env['VMBUILD_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'vmbuild');

/** The guest, or why there is none here. */
export async function loadDebianGuest(): Promise<DebianGuest | string> {
  try {
    return await fetchDebianGuest({
      cacheDir,
      offline: false,
      signal: AbortSignal.timeout(240_000),
      retries: 0,
    });
  } catch (error) {
    if (error instanceof Refusal) return `no Debian guest: ${error.message}`;
    throw error;
  }
}
