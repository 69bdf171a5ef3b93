// SPDX-License-Identifier: BSD-2-Clause
// The guest images that a command's flags ask for: files, Trustworthy Systems' or Debian's, which are fetched unless they
// are in the store.
//
// Where nothing is said, `sim` takes Debian's. An image takes Trustworthy Systems', as the original example does, but
// never asks a server while the store has either: then it takes what is there. If theirs cannot be had, a warning says
// why, and Debian's stand in.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type DebianGuest, fetchDebianGuest } from '../linux/debian.ts';
import { type ImagePart, type LoadedImages, loadGuestImages } from '../linux/images.ts';
import { fetchImages, type FetchedImages, imagePath, isStored } from '../linux/trustworthy.ts';
import { isImageName, trustworthyImages } from '../linux/trustworthy-names.ts';
import { cacheDir } from '../make/store/cache.ts';
import { type Diagnostic, Refusal } from '../meta/diagnostic.ts';
import { warningFinding } from '../meta/finding.ts';
import { reportFetch } from './fetch-progress.ts';
import { type GuestSource, parseGuest } from './guest-flag.ts';
import { giveUp } from './load.ts';
import { reportDebian } from './progress.ts';
import { printDiagnostics, say } from './report.ts';
import type { CommandContext } from './vmbuild.ts';

export interface GuestImagesOptions {
  readonly isStoreOnly?: boolean;
  /** In place of what --linux and --initrd name. */
  readonly files?: { readonly linux?: string; readonly initrd?: string };
}

/** A task for `loadAll`; the last one, because it may take long: a load that is doomed fetches nothing. */
export function guestImagesTask(
  context: CommandContext,
  preferred: GuestSource['from'],
  { isStoreOnly = false, files = {} }: GuestImagesOptions = {},
): (isDoomed: boolean) => Promise<LoadedImages> {
  const { settings } = context;
  const asked = parseGuest(settings.text('guest'));
  return async (isDoomed) => {
    const isOffline = isStoreOnly || settings.on('offline') || settings.on('dry-run');
    const fetching: Fetching = { context, isOffline, isDoomed: isDoomed && !isOffline };
    const linux = await namedFile(fetching, 'kernel', files.linux ?? settings.text('linux'));
    const initrd = await namedFile(fetching, 'initrd', files.initrd ?? settings.text('initrd'));
    const load = (source: GuestSource, stored?: StoredGuest): Promise<LoadedImages> =>
      loadFrom(fetching, { linux, initrd }, source, stored);
    if (asked !== undefined) return load(asked);
    if (preferred === 'debian' || linux !== undefined) return load({ from: 'debian' });
    const missing = initrd === undefined ? (['kernel', 'initrd'] as const) : (['kernel'] as const);
    const stored = await findStored(fetching, missing);
    const chosen = sourceOf(stored, isOffline);
    if (settings.on('verbose')) say(settings, `guest images by default: ${chosen ?? theirName}`);
    return chosen === undefined ? orDebian(load) : load({ from: chosen }, stored);
  };
}

interface Fetching {
  readonly context: CommandContext;
  readonly isOffline: boolean;
  /** What would be fetched is of no use any more. */
  readonly isDoomed: boolean;
}

const theirName = 'trustworthy-systems';

/** What was found whole in the store, so that nobody reads and judges it a second time. */
interface StoredGuest {
  /** Paths of the parts that were asked for. */
  readonly theirs?: readonly string[];
  readonly debian?: DebianGuest;
}

/** Offline there is nothing else to be had than Debian's, which then says what it lacks. */
function sourceOf({ theirs, debian }: StoredGuest, isOffline: boolean): GuestSource['from'] | undefined {
  if (theirs !== undefined) return theirName;
  return debian !== undefined || isOffline ? 'debian' : undefined;
}

/** Trustworthy Systems' images, else Debian's. */
async function findStored({ context }: Fetching, parts: readonly ImagePart[]): Promise<StoredGuest> {
  const names = parts.map((part) => trustworthyImages[part]);
  const isThere = await Promise.all(names.map((name) => isStored(context, name)));
  if (isThere.every(Boolean)) return { theirs: names.map((name) => imagePath(context, name)) };
  const debian = await storedDebian(context);
  return debian === undefined ? {} : { debian };
}

async function orDebian(load: (source: GuestSource) => Promise<LoadedImages>): Promise<LoadedImages> {
  let reason: Refusal;
  try {
    return await load({ from: theirName });
  } catch (error) {
    if (!(error instanceof Refusal) || error.diagnostics.length === 0) throw error;
    reason = error;
  }
  // Said before Debian's begin to come, which takes a while.
  printDiagnostics([insteadOf(reason)]);
  return load({ from: 'debian' });
}

/** Why Debian's images stand in for Trustworthy Systems'. */
export const insteadOf = ({ diagnostics: [first] }: Refusal): Diagnostic =>
  warningFinding(
    'IMG122',
    `the images of Trustworthy Systems cannot be had, Debian's are taken instead: ${first?.code}: ${first?.message}`,
    { hint: 'say --guest debian, or --guest trustworthy-systems to insist' },
  );

async function loadFrom(
  fetching: Fetching,
  files: { readonly linux: string | undefined; readonly initrd: string | undefined },
  source: GuestSource,
  stored: StoredGuest = {},
): Promise<LoadedImages> {
  const { context, isDoomed } = fetching;
  const version = source.from === 'debian' && source.version !== undefined ? { version: source.version } : {};
  return loadGuestImages({
    ...files,
    unpackedDir: join(cacheDir(context.env), 'guests', 'unpacked'),
    storedDebian: (release) => storedDebian(context, release),
    debian: async () =>
      isDoomed ? giveUp() : (stored.debian ?? (await naming(() => debian(fetching, version), theirName))),
    trustworthy:
      source.from === 'debian'
        ? undefined
        : async (parts) => {
            if (stored.theirs !== undefined) return stored.theirs;
            const images = parts.map((part) => ({ part, name: trustworthyImages[part] }));
            return naming(async () => (await fetchOrGiveUp(fetching, images)).paths, 'debian');
          },
  });
}

/** With the other source of images in the way out, where the network or a mirror is in the way. */
async function naming<T>(task: () => Promise<T>, other: GuestSource['from']): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal(
      error.diagnostics.map((found) =>
        /^(NET10|APT10[2-5]|DEB10[1-6])/.test(found.code)
          ? { ...found, hint: `${found.hint ?? 'try again later'}; or use --guest ${other}` }
          : found,
      ),
      error.exit,
    );
  }
}

/** A name of libvmm's in place of a file, as upstream's Makefiles take it: then that image is meant. */
async function namedFile(
  fetching: Fetching,
  part: ImagePart,
  text: string | undefined,
): Promise<string | undefined> {
  if (text === undefined || !isImageName(text) || existsSync(text)) return text;
  return (await fetchOrGiveUp(fetching, [{ part, name: text }])).paths[0];
}

async function fetchOrGiveUp(
  { context, isOffline, isDoomed }: Fetching,
  images: Parameters<typeof fetchImages>[0],
): Promise<FetchedImages> {
  if (isDoomed) {
    const isThere = await Promise.all(images.map(({ name }) => isStored(context, name)));
    if (!isThere.every(Boolean)) return giveUp();
  }
  const { settings, env, signal } = context;
  const { clear, ...callbacks } = reportFetch(settings);
  return fetchImages(images, {
    env,
    signal,
    base: settings.text('images'),
    isOffline,
    ...callbacks,
  }).finally(clear);
}

/** Trustworthy Systems' images, into the store. */
export const fetchTrustworthy = (context: CommandContext): Promise<FetchedImages> =>
  naming(
    () =>
      fetchOrGiveUp(
        { context, isOffline: context.settings.on('offline'), isDoomed: false },
        (['kernel', 'initrd'] as const).map((part) => ({ part, name: trustworthyImages[part] })),
      ),
    'debian',
  );

/** Debian's guest, from the store or fetched into it. */
export const debian = (
  { context, isOffline }: Pick<Fetching, 'context' | 'isOffline'>,
  version: { readonly version?: string },
): Promise<DebianGuest> =>
  fetchDebianGuest({
    cacheDir: cacheDir(context.env),
    ...version,
    offline: isOffline,
    signal: context.signal,
    onProgress: reportDebian(context.settings),
  });

/** One that is in the store: of exactly that release, or any. */
async function storedDebian(context: CommandContext, release?: string): Promise<DebianGuest | undefined> {
  try {
    const version = release === undefined ? {} : { version: release };
    const guest = await debian({ context, isOffline: true }, version);
    return release === undefined || guest.kernel.version === release ? guest : undefined;
  } catch (error) {
    if (error instanceof Refusal) return undefined; // there is none
    throw error;
  }
}

/** The words of `--append`. */
export const appendedWords = (append: string | undefined): readonly string[] =>
  (append ?? '').split(/\s+/).filter((word) => word !== '');
