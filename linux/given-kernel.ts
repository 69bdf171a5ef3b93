// SPDX-License-Identifier: BSD-2-Clause
// A kernel file as it is used: unpacked if it is packed, inspected, and asked how it was configured.
import { createHash } from 'node:crypto';
import type { Buffer } from 'node:buffer';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isFile } from '../make/presence.ts';
import { sweepTemporaries, temporaryFor } from '../make/temporary.ts';
import type { Diagnostic } from '../meta/diagnostic.ts';
import { inspectKernel } from './image.ts';
import { type KernelConfig, parseConfig, readIkconfig } from './kernel-config.ts';
import { unpackKernel } from './kernel-unpack.ts';

export interface GivenKernel {
  /** Of the raw Image: the file itself, or what was unpacked from it. */
  readonly path: string;
  readonly release: string | undefined;
  /** From the Image, or from a file beside it. */
  readonly config: KernelConfig | undefined;
  /** What unpacked it, if something did. */
  readonly packing?: string;
}

/** `bytes` are those of the file at `path`. `kernel` is there if and only if no diagnostic is an error. */
export async function openKernel(
  bytes: Buffer,
  path: string,
  unpackedDir: string,
): Promise<{ readonly kernel?: GivenKernel; readonly diagnostics: readonly Diagnostic[] }> {
  const unpacking = unpackKernel(bytes, path);
  if (unpacking.kind === 'refused') return { diagnostics: [unpacking.diagnostic] };
  const image = unpacking.kind === 'unpacked' ? unpacking.bytes : bytes;
  const inspected = inspectKernel(image, path);
  const diagnostics =
    unpacking.kind === 'raw'
      ? inspected.diagnostics
      : inspected.diagnostics.map((found) => ({
          ...found,
          message: `${found.message} (unpacked with ${unpacking.packing})`,
        }));
  if (inspected.image === undefined) return { diagnostics };
  const { release } = inspected.image;
  const config = readIkconfig(image) ?? (await readConfigBeside(path, release));
  const kernel =
    unpacking.kind === 'raw'
      ? { path, release, config }
      : { path: await keep(bytes, image, unpackedDir), release, config, packing: unpacking.packing };
  return { kernel, diagnostics };
}

/** By the hash of what it was unpacked from, so that it is written once, and never changes under a build. */
async function keep(packed: Buffer, image: Buffer, directory: string): Promise<string> {
  const target = join(directory, `${createHash('sha256').update(packed).digest('hex')}-Image`);
  if (isFile(target)) return target;
  await mkdir(directory, { recursive: true });
  await sweepTemporaries([directory]);
  const temporary = temporaryFor(target);
  await writeFile(temporary, image);
  await rename(temporary, target);
  return target;
}

/** As distributions lay it, config-<release>; or that of the kernel tree in which it was built. */
async function readConfigBeside(
  path: string,
  release: string | undefined,
): Promise<KernelConfig | undefined> {
  const suffix = /^(?:vmlinuz|Image)-(.+)$/.exec(basename(path))?.[1] ?? release;
  const here = dirname(path);
  const candidates = [
    ...(suffix === undefined ? [] : [join(here, `config-${suffix}`)]),
    ...(here.endsWith(join('arch', 'arm64', 'boot')) ? [join(here, '..', '..', '..', '.config')] : []),
  ];
  for (const file of candidates) {
    const bytes = isFile(file) ? await readFile(file) : undefined;
    if (bytes !== undefined && bytes.length <= maxConfigBytes)
      return parseConfig(bytes.toString('latin1'), `'${file}'`);
  }
  return undefined;
}

const maxConfigBytes = 16 * 1024 ** 2;
