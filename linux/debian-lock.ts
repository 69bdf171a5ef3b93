// SPDX-License-Identifier: BSD-2-Clause
// The lock file beside a cached Debian guest: which packages of which version it came from, and the SHA-256 of each
// .deb and of each file that was taken out. A folder is only used while its files are still these.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';

export const lockFormat = 1;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const lockedFile = z.object({
  role: z.enum(['kernel', 'module', 'loopback-module', 'busybox']),
  /** Plain name in the folder. Modules are listed in load order. */
  name: z.string().regex(/^[\w.-]+$/),
  sizeBytes: z.number().int().nonnegative(),
  sha256,
});

const schema = z.object({
  format: z.literal(lockFormat),
  /** The kernel's own name, `uname -r` in the guest. */
  release: z.string(),
  /** The Debian version of the image package; the folder's name. */
  version: z.string(),
  /** The mirror. */
  from: z.string(),
  packages: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      architecture: z.string(),
      sizeBytes: z.number(),
      sha256,
      /** Path under the mirror's root. */
      file: z.string(),
    }),
  ),
  files: z.array(lockedFile).refine((files) => files.filter(({ role }) => role === 'kernel').length === 1),
});

export type LockedFile = Readonly<z.infer<typeof lockedFile>>;
export type DebianLock = Readonly<z.infer<typeof schema>>;

/** The folder's lock, or undefined if it has none, or if one of its files is not what the lock says. */
export async function readLock(folder: string): Promise<DebianLock | undefined> {
  const text = await readFile(join(folder, 'lock.json'), 'utf8').catch(whenAbsent(undefined));
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const lock = schema.safeParse(value);
  if (!lock.success) return undefined;
  for (const file of lock.data.files) {
    const bytes = await readFile(join(folder, file.name)).catch(whenAbsent(undefined));
    if (bytes === undefined || bytes.length !== file.sizeBytes) return undefined;
    if (sha256Of(bytes) !== file.sha256) return undefined;
  }
  return lock.data;
}

/** For `catch`: a file that is not there is this `value`; anything else that is wrong with it goes on. */
export const whenAbsent =
  <T>(value: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT') return value;
    throw error;
  };

/** Hexadecimal, as apt's lists and the lock spell it. */
export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
