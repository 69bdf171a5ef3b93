// SPDX-License-Identifier: BSD-2-Clause
// Which of the mirror's packages make a guest: the newest arm64 cloud kernel of the suite, or the pinned one, and the
// packages that hold its Image and its modules. (The cloud flavour has all that a virtual machine needs at half the
// size of the full one.)
import type { Apt, AptPackage } from '../make/tools/apt.ts';
import { refuse } from '../meta/diagnostic.ts';

/** Whether a user's `pin` means this kernel: its release or version, whole or up to one of its parts (`6.1`, `7.3.4`). */
export const isVersion = (pin: string, release: string, version: string): boolean =>
  pin === release ||
  pin === version ||
  ['+', '-', '.'].some((part) => release.startsWith(pin + part)) ||
  version.startsWith(`${pin}-`);

export interface KernelChoice {
  readonly release: string;
  readonly version: string;
  readonly packages: readonly AptPackage[];
}

/** The newest kernel of the suite, or the pinned one, as the packages that hold its Image and its modules. */
export async function chooseKernel(apt: Apt, pin: string | undefined, from: string): Promise<KernelChoice> {
  const image = pin === undefined ? await newestImage(apt, from) : await pinnedImage(apt, pin, from);
  const release = image.name.replace(/^linux-image-/, '');
  // From 7.1 on the image package is empty and names those that hold the files; before, it holds both itself.
  const parts = [`linux-binary-${release}`, `linux-modules-${release}`].filter((n) =>
    image.depends.includes(n),
  );
  const packages: AptPackage[] = [];
  for (const name of parts) packages.push(await onlyPackage(apt, name, from));
  if (!parts.some((name) => name.startsWith('linux-binary-'))) packages.unshift(image);
  return { release, version: image.version, packages };
}

const metaPackage = 'linux-image-cloud-arm64';

async function newestImage(apt: Apt, from: string): Promise<AptPackage> {
  const meta = await onlyPackage(apt, metaPackage, from);
  const name = meta.depends.find((one) => /^linux-image-\d.*cloud-arm64$/.test(one));
  if (name === undefined)
    refuse('DEB106', `package ${metaPackage} ${meta.version} of ${from} depends on no kernel image`, {
      hint: 'pin a version with --guest debian=VERSION',
    });
  return onlyPackage(apt, name, from);
}

async function pinnedImage(apt: Apt, pin: string, from: string): Promise<AptPackage> {
  const names = (await apt.names('linux-image-'))
    .filter((name) => /^linux-image-\d.*[+\d]-cloud-arm64$/.test(name))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const images: AptPackage[] = [];
  for (const name of names) {
    const release = name.replace(/^linux-image-/, '');
    // A version of the package is only known by asking; a release tells by its name.
    const mayMatch = isVersion(pin, release, '') || pin.startsWith(release.split('+')[0] ?? release);
    if (!mayMatch) continue;
    images.push(...(await apt.show(name)).filter(({ version }) => isVersion(pin, release, version)));
  }
  const found = images.at(-1);
  if (found !== undefined) return found;
  return refuse(
    'DEB104',
    `Debian kernel ${pin} is not on ${from} (any more); it has ${listVersions(names)}`,
    {
      hint: 'take one of these, or leave the version out for the newest',
    },
  );
}

function listVersions(names: readonly string[]): string {
  const releases = names.map((name) => name.replace(/^linux-image-/, '').replace(/-cloud-arm64$/, ''));
  const last = releases.slice(-5);
  return last.length === 0 ? 'no arm64 cloud kernel at all' : last.join(', ');
}

/** The newest version of `name`, or a refusal that names `from`. */
export async function onlyPackage(apt: Apt, name: string, from: string): Promise<AptPackage> {
  const found = (await apt.show(name))[0];
  if (found === undefined)
    refuse('DEB105', `package ${name} for arm64 is not on ${from}`, {
      hint: 'use another mirror in /etc/apt, or give images with --linux and --initrd',
    });
  return found;
}
