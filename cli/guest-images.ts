// SPDX-License-Identifier: BSD-2-Clause
// The guest images that a command's flags ask for: files, or Debian's, which are fetched unless they are in the store.
import { fetchDebianGuest } from '../linux/debian.ts';
import { loadGuestImages } from '../linux/images.ts';
import { cacheDir } from '../make/store/cache.ts';
import { parseGuest } from './guest-flag.ts';
import { giveUp } from './load.ts';
import { reportDebian } from './progress.ts';
import type { CommandContext } from './vmbuild.ts';

/** A task for `loadAll`; the last one, because it may take long: a load that is doomed fetches nothing. */
export function guestImagesTask({
  settings,
  env,
  signal,
}: CommandContext): (isDoomed: boolean) => ReturnType<typeof loadGuestImages> {
  const version = parseGuest(settings.text('guest') ?? '');
  const isOffline = settings.on('offline') || settings.on('dry-run');
  return (isDoomed) =>
    loadGuestImages({
      linux: settings.text('linux'),
      initrd: settings.text('initrd'),
      debian: () =>
        isDoomed && !isOffline
          ? giveUp()
          : fetchDebianGuest({
              cacheDir: cacheDir(env),
              ...version,
              offline: isOffline,
              signal,
              onProgress: reportDebian(settings),
            }),
    });
}

/** The words of `--append`. */
export const appendedWords = (append: string | undefined): readonly string[] =>
  (append ?? '').split(/\s+/).filter((word) => word !== '');
