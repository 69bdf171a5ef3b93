// SPDX-License-Identifier: BSD-2-Clause
// Where a guest's kernel and initrd come from: Debian's mirror, or files that the user gave, or one of each. Given
// files are judged here, when they are named; whether all fits is judged by a build step, once the initrd is packed.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Diagnostic, refuseErrors } from '../meta/diagnostic.ts';
import type { DebianGuest } from './debian.ts';
import { readGiven } from './given-file.ts';
import { inspectKernel } from './image.ts';
import { inspectInitrd } from './initrd.ts';

/** What guestSteps builds from. All paths are absolute. */
export interface GuestImages {
  readonly kernel: { readonly path: string; readonly release: string | undefined };
  /** Unpacked .ko files in load order; none for a kernel that has all built in. */
  readonly modules: readonly { readonly name: string; readonly path: string }[];
  /** For vsock_after=shell in our own initramfs. */
  readonly busybox?: string;
  /** The user's; our programs are appended. Without it the initramfs is our own. */
  readonly initrd?: string;
}

export interface ImageRequest {
  readonly linux?: string | undefined;
  readonly initrd?: string | undefined;
  /** Called unless a kernel is given: Debian's modules and its busybox go with its own kernel. */
  readonly debian: () => Promise<DebianGuest>;
}

/** Resolves and inspects. Refuses what cannot work; warnings come back. */
export async function loadGuestImages(
  request: ImageRequest,
): Promise<{ readonly images: GuestImages; readonly warnings: readonly Diagnostic[] }> {
  const { linux, initrd } = request;
  const found: Diagnostic[] = [];
  const initrdPath = initrd === undefined ? undefined : resolve(initrd);
  if (initrdPath !== undefined)
    found.push(
      ...inspectInitrd(await readGiven('--initrd', initrdPath, maxImageBytes), initrdPath).diagnostics,
    );
  if (linux !== undefined) {
    const path = resolve(linux);
    const { image, diagnostics } = inspectKernel(await readGiven('--linux', path, maxImageBytes), path);
    const warnings = refuseErrors([...diagnostics, ...found]);
    const kernel = { path, release: image?.release };
    return { images: { kernel, modules: [], ...optional({ initrd: initrdPath }) }, warnings };
  }
  const warnings = refuseErrors(found);
  const debian = await request.debian();
  const { image, diagnostics } = inspectKernel(await readFile(debian.kernel.path), debian.kernel.path);
  return {
    images: {
      kernel: { path: debian.kernel.path, release: image?.release ?? debian.kernel.version },
      modules: debian.modules.map(({ name, path }) => ({ name, path })),
      ...optional({ initrd: initrdPath }),
      busybox: debian.busybox.path,
    },
    warnings: [...warnings, ...refuseErrors(diagnostics)],
  };
}

const optional = ({ initrd }: { initrd: string | undefined }): { initrd?: string } =>
  initrd === undefined ? {} : { initrd };

/** More than any guest's RAM here. */
const maxImageBytes = 1024 ** 3;
