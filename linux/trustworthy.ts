// SPDX-License-Identifier: BSD-2-Clause
// `--guest trustworthy-systems`: the kernel and the root file system that the original example takes, and every other
// image of libvmm's by its name. A name begins with the SHA-1 of the file in `<base>/<name>.tar.gz`, and that is how the
// file is judged; in the store it lies under that name, as a file of its own.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isFile } from '../make/presence.ts';
import { cacheDir } from '../make/store/cache.ts';
import { type FetchOptions, fetchMissing } from '../make/store/fetch-stack.ts';
import { archiveTask, type FetchItem, type Task } from '../make/store/fetch-tasks.ts';
import { imageLimits } from '../make/store/limits.ts';
import { type Origin, parseOrigin } from '../make/store/origin.ts';
import { refuse } from '../meta/diagnostic.ts';
import type { ImagePart } from './images.ts';
import { imagesBase } from './trustworthy-names.ts';

export interface FetchImagesOptions extends FetchOptions {
  /** A mirror. */
  readonly base?: string | undefined;
}

export interface ImageToFetch {
  readonly part: ImagePart;
  readonly name: string;
}

export interface FetchedImages {
  /** In the order of what was asked for. */
  readonly paths: readonly string[];
  readonly fetched: readonly FetchItem[];
}

/** From the store, or fetched into it. Refuses with the families NET, ARC and IMG. */
export async function fetchImages(
  images: readonly ImageToFetch[],
  options: FetchImagesOptions,
): Promise<FetchedImages> {
  const parts = images.map(({ part, name }) => ({
    part,
    file: name,
    name: `guest ${part} ${name.slice(0, 8)}`,
    path: imagePath(options, name),
    flag: part === 'kernel' ? '--linux FILE' : '--initrd FILE',
  }));
  const find = async () => {
    const isThere = await Promise.all(images.map(({ name }) => isStored(options, name)));
    return parts.filter((_, at) => isThere[at] === false);
  };
  const fetched = await fetchMissing(options, find, () => {
    const origin = parseOrigin(options.base ?? imagesBase, '--images', imagesBase);
    return (part) => imageTask(options, origin, part);
  });
  return { paths: parts.map(({ path }) => path), fetched };
}

/** Whether the store has the image. A file that is not what its name says is not there: it is fetched anew. */
export async function isStored(options: Pick<FetchOptions, 'env'>, name: string): Promise<boolean> {
  const path = imagePath(options, name);
  return isFile(path) && sha1Of(await readFile(path)) === name.slice(0, 40);
}

/** Where the image is, if it is there. */
export const imagePath = (options: Pick<FetchOptions, 'env'>, name: string): string =>
  join(imagesDir(options), name);

const imagesDir = ({ env }: Pick<FetchOptions, 'env'>): string =>
  join(cacheDir(env), 'guests', 'trustworthy-systems');

/** Not against those who can make two files of one SHA-1: for that the archive's SHA-256 is recorded. */
const sha1Of = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');

interface MissingImage extends Pick<FetchItem, 'name' | 'flag'> {
  readonly part: ImagePart;
  readonly file: string;
  readonly path: string;
}

function imageTask(options: FetchImagesOptions, origin: Origin, image: MissingImage): Task {
  const { part, name, file, path, flag } = image;
  const archiveName = `${file}.tar.gz`;
  return archiveTask(
    { ...options, origin, cache: cacheDir(options.env) },
    {
      url: new URL(archiveName, origin.base),
      archiveName,
      item: { part, name, to: path, flag },
      instead: ', or use --guest debian',
      fetch: async (archive) => {
        const { fetchArchive } = await import('../make/store/fetch-archive.ts');
        await fetchArchive(
          { ...archive, limits: imageLimits },
          { changedCode: 'IMG120', judge: (quarantine, from) => findImage(quarantine, file, from) },
        );
      },
    },
  );
}

/** The file whose SHA-1 is in the name: `<name>/linux`, `<name>/Image`, `<name>/rootfs.cpio.gz`. */
async function findImage(quarantine: string, name: string, from: string): Promise<string> {
  const found: string[] = [];
  for (const entry of await readdir(quarantine, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const sha1 = sha1Of(await readFile(path));
    if (sha1 === name.slice(0, 40)) return path;
    found.push(`'${entry.name}' has ${sha1}`);
  }
  return refuse(
    'IMG121',
    `${from} holds no file with the SHA-1 ${name.slice(0, 40)} of its name: ${found.join(', ') || 'it has none'}`,
    { hint: 'do not use it; fetch it from another place, or use --guest debian' },
  );
}
