// SPDX-License-Identifier: BSD-2-Clause
// Where the store is: what is shared by all builds of a user. Its rooms: `sdk/microkit-sdk-<version>/`,
// `src/<name>-<commit>/`, `downloads/`, `guests/`, and `probes.json` (make/tools/probe.ts).
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { refuse } from '../../meta/diagnostic.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** VMBUILD_CACHE, else XDG_CACHE_HOME/vmbuild (the XDG specification wants it absolute), else ~/.cache/vmbuild. */
export function cacheDir(env: Environment): string {
  const own = env['VMBUILD_CACHE'];
  if (own !== undefined && own !== '') return resolve(own);
  const xdg = env['XDG_CACHE_HOME'];
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'vmbuild');
  return join(homeDir(env), '.cache', 'vmbuild');
}

/** HOME if it is absolute, else what the system has for this user. Refuses STORE120 where it has none. */
export function homeDir({ HOME: home }: Environment): string {
  if (home !== undefined && isAbsolute(home)) return home;
  try {
    return homedir();
  } catch {
    // A user without an entry in the password file, as in containers.
    return refuse(
      'STORE120',
      `HOME is ${home === undefined ? 'not set' : `'${home}'`}, and this user has no home`,
      {
        hint: 'set HOME, or VMBUILD_CACHE to a directory for what vmbuild fetches',
      },
    );
  }
}

export const sdkDir = (cache: string, version: string): string =>
  join(cache, 'sdk', `microkit-sdk-${version}`);
export const sourceDir = (cache: string, name: string, commit: string): string =>
  join(cache, 'src', `${name}-${commit}`);
/** Archives that are on their way, or that somebody put there, and what is known of them. */
export const downloadsDir = (cache: string): string => join(cache, 'downloads');
