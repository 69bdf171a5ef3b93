// SPDX-License-Identifier: BSD-2-Clause
// Which SDK is meant by a path that a user gives: an SDK, or a folder that holds some. One of the stack's own version is
// taken, else the newest of its minor version; where that leaves a choice, the user makes it.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { exitCode, refuse } from '../../meta/diagnostic.ts';
import { isDirectory, isFile, statsOf } from '../presence.ts';
import { shellWord } from '../shell-word.ts';
import { stack } from '../stack.ts';
import { compareVersions, isSameMinor, parseVersion } from '../tools/version.ts';

export interface ChosenSdk {
  readonly path: string;
  /** Of a folder: which one was taken, and what else is in it. */
  readonly note?: string;
}

/** `path` is absolute; `origin` is what gave it: `--sdk`. Refuses SDK102, SDK103, SDK120 and SDK121. */
export function chooseSdk(path: string, origin: string): ChosenSdk {
  if (hasVersion(path)) return { path };
  const inside = listSdks(path);
  const fitting = inside.filter(({ version }) => isSameMinor(numberOf(version), stack.microkit));
  const [best, ...others] = fitting.toSorted(compareFit);
  const given = `'${path}', given by ${origin}`;
  if (best === undefined) {
    // A single one of another version is judged like a given one, and may be allowed.
    const [only] = inside;
    if (only !== undefined && inside.length === 1) return { path: only.path };
    return refuseAll(path, given, inside);
  }
  const equals = [best, ...others].filter((sdk) => compareFit(best, sdk) === 0);
  if (equals.length > 1)
    refuse('SDK120', `${given}, holds ${equals.length} SDKs that fit as well: ${list(equals)}`, {
      hint: `name one of them: ${origin} ${shellWord(best.path)}`,
    });
  const rest = inside.filter((sdk) => sdk !== best);
  const also = rest.length === 0 ? '' : `; also there: ${list(rest)}`;
  return { path: best.path, note: `of '${path}': ${list([best])}${also}` };
}

interface ListedSdk {
  readonly path: string;
  readonly version: string;
}

export const hasVersion = (path: string): boolean => isFile(join(path, 'VERSION'));

/** What the SDK calls itself. A file that is no version file is not shown whole. */
export const readVersion = (path: string): string =>
  readFileSync(join(path, 'VERSION'), 'utf8').trim().slice(0, maxVersionCharacters);

const maxVersionCharacters = 40;

/** Directories in `path`, in order; none if it is no directory. */
export function listDirectories(path: string): string[] {
  try {
    return readdirSync(path)
      .filter((name) => isDirectory(join(path, name)))
      .toSorted();
  } catch {
    return []; // not there, or no directory
  }
}

const listSdks = (folder: string): ListedSdk[] =>
  listDirectories(folder)
    .map((name) => join(folder, name))
    .filter((path) => hasVersion(path) && isDirectory(join(path, 'board')))
    .map((path) => ({ path, version: readVersion(path) }));

const numberOf = (version: string): string => parseVersion(version) ?? '0';

/** The stack's own version first, then the newest. */
const compareFit = (a: ListedSdk, b: ListedSdk): number =>
  Number(b.version === stack.microkit) - Number(a.version === stack.microkit) ||
  compareVersions(numberOf(b.version), numberOf(a.version));

/** `microkit-sdk-2.2.0 (version 2.2.0), mine (version 2.2.0)`; long lists are cut. */
function list(sdks: readonly ListedSdk[]): string {
  const shown = sdks
    .slice(0, maxListed)
    .map(({ path, version }) => `${shellWord(basename(path))} (version ${version})`);
  return [...shown, ...(sdks.length > maxListed ? [`${sdks.length - maxListed} more`] : [])].join(', ');
}

const maxListed = 10;

function refuseAll(path: string, given: string, inside: readonly ListedSdk[]): never {
  const archives = listArchives(path);
  const needed = `name a Microkit SDK ${stack.microkit}, or a folder that holds one`;
  if (archives.length > 0)
    refuse(
      'SDK121',
      `${given}, ${isFile(path) ? 'is an archive' : `holds an archive, ${archives.map((one) => `'${basename(one)}'`).join(', ')}`}, and ${inside.length === 0 ? 'no SDK is unpacked there' : `of SDKs only ${list(inside)}`}`,
      { hint: archives.map(unpackCommand).join('; or '), exit: exitCode.missing },
    );
  if (inside.length > 1)
    refuse('SDK103', `${given}, holds only ${list(inside)}; needed is ${stack.microkit}`, { hint: needed });
  return refuse(
    'SDK102',
    isDirectory(path)
      ? `${given}, is no Microkit SDK: it has no VERSION file, nor is an SDK in it`
      : `${given}, ${statsOf(path) === undefined ? 'is not there' : 'is no directory'}`,
    { hint: needed },
  );
}

/** Archives of SDKs that would fit: `path` itself, or in it. */
function listArchives(path: string): string[] {
  const isFitting = (name: string): boolean => {
    const version = /^microkit-sdk-(\d[^/]*?)(?:-(?:linux|macos)-.*)?\.(?:tar\.gz|tgz)$/.exec(name)?.[1];
    return version !== undefined && isSameMinor(numberOf(version), stack.microkit);
  };
  if (isFile(path)) return isFitting(basename(path)) ? [path] : [];
  try {
    return readdirSync(path)
      .filter((name) => isFitting(name) && isFile(join(path, name)))
      .toSorted()
      .slice(0, maxListed)
      .map((name) => join(path, name));
  } catch {
    return []; // not there, or no directory
  }
}

const unpackCommand = (archive: string): string =>
  `run: tar -xzf ${shellWord(archive)} -C ${shellWord(dirname(archive))}`;
