// SPDX-License-Identifier: BSD-2-Clause
// The Linux guests of a system of the user's own: where their images come from, whether the machine has the memory, and
// the steps that make their files. Guests with the same kernel and initrd share one initramfs.
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { packageDirectory } from '../boards/index.ts';
import { formatNonce } from '../linux/bootargs.ts';
import { guestSteps } from '../linux/guest.ts';
import { estimateGuestBytes } from '../linux/guest-size.ts';
import type { GuestImages } from '../linux/images.ts';
import { addUpMemory, checkOwnMemory } from '../make/image-memory.ts';
import type { GuestFiles } from '../make/pd/vmm.ts';
import type { SdkBoard } from '../make/store/sdk-board.ts';
import { inDirectory, type Step } from '../make/step.ts';
import {
  allPds,
  type Diagnostic,
  type EmbeddedGuest,
  type Place,
  type Program,
  Refusal,
} from '../meta/index.ts';
import { appendedWords, guestImagesTask } from './guest-images.ts';
import { loadAll } from './load.ts';
import { nonceOf } from './nonce.ts';
import { printDiagnostics } from './report.ts';
import type { UserSystem } from './user-system.ts';
import type { CommandContext } from './vmbuild.ts';

export interface UserGuest {
  /** Name of its VMM. */
  readonly pd: string;
  readonly guest: EmbeddedGuest;
  /** The line that adds it. */
  readonly place: Place | undefined;
}

/** In the order of the description. */
export const guestsOf = ({ system, programs }: UserSystem): readonly UserGuest[] =>
  allPds(system.protectionDomains).flatMap(({ name: pd, place }) => {
    const guest = guestOf(programs.get(pd));
    return guest === undefined ? [] : [{ pd, guest, place }];
  });

const guestOf = (program: Program | undefined): EmbeddedGuest | undefined =>
  program !== undefined && 'guest' in program ? program.guest : undefined;

export interface GuestGroup {
  readonly guests: readonly UserGuest[];
  readonly images: GuestImages;
}

/** Loads the images of all guests, those with the same files once. */
export async function loadUserGuests(
  context: CommandContext,
  described: UserSystem,
  isDoomed: boolean,
): Promise<readonly GuestGroup[]> {
  const groups = new Map<string, UserGuest[]>();
  for (const user of guestsOf(described)) {
    const { linux = '', initrd = '' } = user.guest;
    const files = [linux, initrd].join('\0');
    groups.set(files, [...(groups.get(files) ?? []), user]);
  }
  const tasks: Record<string, (isDoomedHere: boolean) => Promise<GuestGroup>> = {};
  for (const [files, guests] of groups)
    tasks[files] = (isDoomedHere) => loadGroup(context, described, guests, isDoomed || isDoomedHere);
  return Object.values(await loadAll(tasks));
}

async function loadGroup(
  context: CommandContext,
  described: UserSystem,
  guests: readonly UserGuest[],
  isDoomed: boolean,
): Promise<GuestGroup> {
  const [first] = guests;
  const files = imageFiles(described, first?.guest);
  const named: readonly (string | undefined)[] = Object.values(files);
  // What is wrong with a file that the description names is said at the line that names it.
  const atLine = (found: Diagnostic): Diagnostic =>
    first?.place !== undefined && named.includes(found.place?.file)
      ? { ...found, place: first.place }
      : found;
  try {
    const { images, warnings } = await guestImagesTask(context, 'trustworthy-systems', { files })(isDoomed);
    printDiagnostics(warnings.map(atLine));
    return { guests, images };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal(error.diagnostics.map(atLine), error.exit);
  }
}

/** Absolute paths of what the description names. */
const imageFiles = (
  { file }: Pick<UserSystem, 'file'>,
  guest: Pick<EmbeddedGuest, 'linux' | 'initrd'> | undefined,
): { readonly linux?: string; readonly initrd?: string } => {
  const { linux, initrd } = guest ?? {};
  const path = (name: string): string => resolve(dirname(file), name);
  return {
    ...(linux === undefined ? {} : { linux: path(linux) }),
    ...(initrd === undefined ? {} : { initrd: path(initrd) }),
  };
};

/** Whether image and RAM have room for them. */
export async function checkRoom(
  { system, board }: UserSystem,
  sdk: SdkBoard,
  groups: readonly GuestGroup[],
): Promise<readonly Diagnostic[]> {
  const all = groups.flatMap(({ guests }) => guests);
  if (all.length === 0) return [];
  let filesBytes = 0n;
  for (const { guests, images } of groups)
    filesBytes += BigInt(guests.length) * (await estimateGuestBytes(images));
  // The sums count a guest's files for every virtual machine.
  const guestFilesBytes = filesBytes / BigInt(all.length);
  const need = addUpMemory({ sdk, loadAddress: board.loadAddress, system, guestFilesBytes });
  return checkOwnMemory(need, { guests: all.length, board: board.name, place: all.at(-1)?.place });
}

export interface PlannedGuests {
  readonly steps: readonly Step[];
  readonly files: ReadonlyMap<string, GuestFiles>;
  /** 16 hexadecimal digits. */
  readonly nonce: string;
}

export function planUserGuests(
  { settings }: CommandContext,
  described: UserSystem,
  groups: readonly GuestGroup[],
  tools: Readonly<Record<'clang' | 'lld' | 'dtc', string>>,
): PlannedGuests {
  const append = settings.text('append') ?? '';
  const releases = groups.map(({ images }) => images.kernel.release ?? '');
  const nonce = nonceOf(
    described.name,
    described.board.name,
    settings.text('config') ?? '',
    append,
    ...releases,
  );
  const planned = groups.map(({ guests, images }, i) => {
    const directory = i === 0 ? '' : `guests-${i + 1}`;
    const built = guestSteps({
      machines: guests.map(({ guest }) => machineOf(guest, nonce)),
      images,
      programsDir: join(packageDirectory(), 'linux', 'programs'),
      ...tools,
      outDir: 'guest',
      kernelOptions: { more: appendedWords(append) },
    });
    const place = (path: string): string => (isAbsolute(path) ? path : join(directory, path));
    const files = guests.flatMap(({ pd }, at) => {
      const made = built.guests[at];
      if (made === undefined) return [];
      const { kernel, dtb, initrd, fit } = made;
      const placed = { kernel: place(kernel), dtb: place(dtb), initrd: place(initrd), fit: place(fit) };
      return [[pd, placed] as const];
    });
    return { steps: directory === '' ? built.steps : inDirectory(directory, built.steps), files };
  });
  return {
    steps: planned.flatMap(({ steps }) => steps),
    files: new Map(planned.flatMap(({ files }) => files)),
    nonce: formatNonce(nonce),
  };
}

const machineOf = ({ name, layout, hasVsock, recvFrom, sendTo, append }: EmbeddedGuest, nonce: bigint) => ({
  name,
  layout,
  hasVsock,
  append: appendedWords(append),
  // They stay, each with a shell.
  orders: { recvFrom, sendTo, nonce, after: 'shell' as const },
});
