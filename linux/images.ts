// SPDX-License-Identifier: BSD-2-Clause
// Where a guest's kernel and initrd come from: files that the user gave, Trustworthy Systems, Debian's mirror, or one
// from here and one from there. All are judged here, before a step runs; whether all fits is judged by a build step, once
// the initrd is packed.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Diagnostic, refuseErrors } from '../meta/diagnostic.ts';
import { warningFinding } from '../meta/finding.ts';
import type { DebianGuest } from './debian.ts';
import { readGiven } from './given-file.ts';
import { type GivenKernel, openKernel } from './given-kernel.ts';
import { inspectKernel } from './image.ts';
import { checkStarter, type Initrd, inspectInitrd } from './initrd.ts';
import { findInitrdModules } from './initrd-modules.ts';
import { checkKernelNeeds } from './kernel-needs.ts';

/** What guestSteps builds from. All paths are absolute. */
export interface GuestImages {
  readonly kernel: { readonly path: string; readonly release: string | undefined };
  /** Unpacked .ko files in load order; none for a kernel that has all built in. */
  readonly modules: readonly { readonly name: string; readonly path: string }[];
  /** For vsock_after=shell in our own initramfs. */
  readonly busybox?: string;
  /** Its own system; our programs are appended. Without it the initramfs is our own. */
  readonly initrd?: string;
  /** Modules that lie in `initrd` and are to be loaded before its own init runs: paths in it, in load order. */
  readonly initrdModules?: readonly string[];
}

export type ImagePart = 'kernel' | 'initrd';

export interface ImageRequest {
  readonly linux?: string | undefined;
  readonly initrd?: string | undefined;
  /** Where kernels go that had to be unpacked. */
  readonly unpackedDir: string;
  /** Trustworthy Systems' images, if they are asked for: paths of `parts`, which are those that were not given. */
  readonly trustworthy?: ((parts: readonly ImagePart[]) => Promise<readonly string[]>) | undefined;
  /** Called if no kernel is there otherwise: Debian's modules and its busybox go with its own kernel. */
  readonly debian: () => Promise<DebianGuest>;
  /** A Debian guest of that release in the store: its modules are those of a given kernel of the same release. */
  readonly storedDebian?: (release: string) => Promise<DebianGuest | undefined>;
}

export interface LoadedImages {
  readonly images: GuestImages;
  readonly warnings: readonly Diagnostic[];
}

/** Resolves and inspects. Refuses what cannot work, as far as possible before anything is fetched; warnings come back. */
export async function loadGuestImages(request: ImageRequest): Promise<LoadedImages> {
  const given = await openParts(
    { kernel: request.linux, initrd: request.initrd },
    { flags: { kernel: '--linux', initrd: '--initrd' }, unpackedDir: request.unpackedDir },
  );
  const warnings = refuseErrors(given.diagnostics);
  const missing = (['kernel', 'initrd'] as const).filter((part) => given[part] === undefined);
  if (request.trustworthy !== undefined && missing.length > 0) {
    const paths = await request.trustworthy(missing);
    const fetched = await openParts(Object.fromEntries(missing.map((part, at) => [part, paths[at]])), {
      flags: { kernel: 'guest image', initrd: 'guest image' },
      unpackedDir: request.unpackedDir,
    });
    const all = [...warnings, ...refuseErrors(fetched.diagnostics)];
    return assemble(request, { ...given, ...fetched, diagnostics: all }, missing.includes('kernel'));
  }
  if (given.kernel !== undefined) return assemble(request, { ...given, diagnostics: warnings }, false);
  return onDebian(await request.debian(), given.initrd?.path, warnings);
}

interface Opened {
  readonly kernel?: GivenKernel;
  readonly initrd?: Initrd & { readonly path: string };
  readonly diagnostics: readonly Diagnostic[];
}

async function openParts(
  files: Partial<Record<ImagePart, string | undefined>>,
  { flags, unpackedDir }: { flags: Readonly<Record<ImagePart, string>>; unpackedDir: string },
): Promise<Opened> {
  const open = async (part: ImagePart): Promise<Opened> => {
    const file = files[part];
    if (file === undefined) return { diagnostics: [] };
    const path = resolve(file);
    const bytes = await readGiven(flags[part], path, maxImageBytes);
    if (part === 'kernel') return openKernel(bytes, path, unpackedDir);
    const { initrd, diagnostics } = inspectInitrd(bytes, path);
    if (initrd === undefined) return { diagnostics };
    return { initrd: { ...initrd, path }, diagnostics: [...diagnostics, ...checkStarter(initrd, path)] };
  };
  const [kernel, initrd] = [await open('kernel'), await open('initrd')];
  return { ...kernel, ...initrd, diagnostics: [...kernel.diagnostics, ...initrd.diagnostics] };
}

/** The guest of a kernel that brings no modules of its own: they are built in, or in the initrd, or Debian's. */
async function assemble(
  { storedDebian }: ImageRequest,
  { kernel, initrd, diagnostics }: Opened,
  isKnown: boolean,
): Promise<LoadedImages> {
  if (kernel === undefined) throw new Error('no kernel to go with');
  const { path, release } = kernel;
  const theirs = findInitrdModules(initrd?.members ?? [], release, wantedModules);
  const hasOwn = theirs.order.length > 0 || theirs.packed.length > 0;
  const debian = hasOwn || release === undefined ? undefined : await storedDebian?.(release);
  const modules = debian?.modules.map(({ name, path: file }) => ({ name, path: file })) ?? [];
  const names = new Set([...modules.map(({ name }) => name), ...theirs.names]);
  const config = kernel.config ?? theirs.config;
  const found = refuseErrors([
    ...diagnostics,
    ...checkReleases(theirs.releases, kernel, initrd?.path),
    ...(isKnown && config === undefined
      ? []
      : checkKernelNeeds({ path, release, config, modules: names, isSure: initrd?.unread === undefined })),
  ]);
  return {
    images: {
      kernel: { path, release },
      modules,
      ...(initrd === undefined ? {} : { initrd: initrd.path }),
      ...(theirs.order.length === 0 ? {} : { initrdModules: theirs.order }),
      ...(debian === undefined ? {} : { busybox: debian.busybox.path }),
    },
    warnings: found,
  };
}

/** vsock and the common half of its transport come by their dependencies. */
const wantedModules = ['virtio_mmio', 'virtio_console', 'vmw_vsock_virtio_transport'];

function checkReleases(
  releases: readonly string[],
  { path, release }: GivenKernel,
  initrd = '',
): Diagnostic[] {
  if (releases.length === 0 || release === undefined || releases.includes(release)) return [];
  return [
    warningFinding(
      'INIT124',
      `the modules in initrd '${initrd}' are for ${releases.join(', ')}, kernel '${path}' is ${release}: it will not load them`,
      { hint: 'give an initrd that was made for this kernel, or a kernel with all built in' },
    ),
  ];
}

async function onDebian(
  debian: DebianGuest,
  initrd: string | undefined,
  warnings: readonly Diagnostic[],
): Promise<LoadedImages> {
  const { image, diagnostics } = inspectKernel(await readFile(debian.kernel.path), debian.kernel.path);
  return {
    images: {
      kernel: { path: debian.kernel.path, release: image?.release ?? debian.kernel.version },
      modules: debian.modules.map(({ name, path }) => ({ name, path })),
      ...(initrd === undefined ? {} : { initrd }),
      busybox: debian.busybox.path,
    },
    warnings: [...warnings, ...refuseErrors(diagnostics)],
  };
}

/** More than any guest's RAM here. */
const maxImageBytes = 1024 ** 3;
