// SPDX-License-Identifier: BSD-2-Clause
// `--guest debian`: an arm64 cloud kernel, the modules that a guest needs and a static busybox, from the host's own
// Debian mirror. What was taken is kept under `<cache>/guests/debian/<version>/` with a lock file that says from where
// and with which SHA-256; that folder appears as a whole or not at all, and while it is there and still what the lock
// says, the network is not asked.
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../make/action.ts';
import { describeSystemError } from '../make/system-reason.ts';
import { isAlive, ourselves } from '../make/liveness.ts';
import { openApt, type AptPackage, type AptSource } from '../make/tools/apt.ts';
import { type Diagnostic, refuse } from '../meta/diagnostic.ts';
import { findDebianMirror } from './apt-sources.ts';
import { type OpenDeb, openDeb } from './deb.ts';
import { checkDeb, takeFiles } from './debian-files.ts';
import { readLock, type DebianLock, whenAbsent, lockFormat, type LockedFile } from './debian-lock.ts';
import { chooseKernel, isVersion, onlyPackage } from './debian-packages.ts';

export interface GuestFile {
  /** Absolute path in the cache. */
  readonly path: string;
  readonly sha256: string;
}

export interface DebianGuest {
  /** Raw arm64 Image. `version` is the kernel's release, e.g. `7.3.4+deb13-cloud-arm64`. */
  readonly kernel: GuestFile & { readonly version: string };
  /** Unpacked, in load order: virtio-mmio, then vsock and its transport. */
  readonly modules: readonly (GuestFile & { readonly name: string })[];
  /** On top of these, for connections of a guest to itself (CID 1); only tests want them. */
  readonly loopbackModules: readonly (GuestFile & { readonly name: string })[];
  /** Static arm64 busybox, for a shell in the guest. */
  readonly busybox: GuestFile;
  /** What was taken from where. */
  readonly provenance: DebianLock;
}

export type DebianProgress =
  /** Before the first byte of a package: what, how much, from where, to where. */
  | {
      readonly stage: 'announce';
      readonly release: string;
      readonly bytes: number;
      readonly from: string;
      readonly to: string;
    }
  | { readonly stage: 'lists'; readonly from: string }
  | {
      readonly stage: 'download';
      readonly name: string;
      readonly bytes: number;
      readonly index: number;
      readonly of: number;
    }
  | { readonly stage: 'unpack'; readonly name: string }
  | { readonly stage: 'warning'; readonly diagnostic: Diagnostic };

export interface FetchDebianOptions {
  /** vmbuild's cache; the guest goes to `guests/debian/` in it. */
  readonly cacheDir: string;
  /** `7.3.4`, `7.3.4+deb13-cloud-arm64` or the package's `7.3.4-1~bpo13+1`. Default: cached, else the newest. */
  readonly version?: string;
  /** Never touch the network. */
  readonly offline: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: DebianProgress) => void;
  /** In place of the host's mirror. The first is the kernel's suite. */
  readonly sources?: readonly AptSource[];
  readonly retries?: number;
}

/** Kernels from 6.13 on split what does not fit the peer's buffer; older ones hang (shared facts/vsock.md §3). */
export const kernelSuite = 'trixie-backports';
const baseSuite = 'trixie';
/** Where a pinned kernel may be as well. */
const olderSuites = ['bookworm-backports', 'bookworm'];

/** The cached guest, or one that is fetched now. What it refuses: docs/errors.md, families DEB and APT. */
export async function fetchDebianGuest(options: FetchDebianOptions): Promise<DebianGuest> {
  const root = join(options.cacheDir, 'guests', 'debian');
  try {
    return await findOrFetch(root, options);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return refuse('DEB114', `the cache '${root}' cannot be used: ${describeSystemError(error, root)}`, {
      hint: 'make it writable, make room there, or set VMBUILD_CACHE to another directory',
    });
  }
}

async function findOrFetch(root: string, options: FetchDebianOptions): Promise<DebianGuest> {
  const cached = await findCached(root, options);
  if (cached !== undefined) return cached;
  if (options.offline)
    refuse('DEB103', `no ${describe(options.version)} in '${root}', and --offline forbids to fetch it`, {
      hint: `run once without --offline, or copy a folder of that cache from another machine to '${root}'`,
    });
  const sources = options.sources ?? (await hostSources(options.version));
  await mkdir(root, { recursive: true });
  await sweepFetches(root);
  const work = await mkdtemp(join(root, `.fetch-${ourselves.pid}-${ourselves.started}-`));
  try {
    return await fetchInto({ ...options, root, work, sources });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Removes what fetches left behind that were killed. */
async function sweepFetches(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const [, pid, started] = /^\.fetch-(\d+)-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !isAlive({ pid: Number(pid), started: Number(started) }))
      await rm(join(root, name), { recursive: true, force: true });
  }
}

const describe = (version: string | undefined): string =>
  version === undefined ? 'Debian guest' : `Debian guest ${version}`;

/** The current one, or the one that is asked for. One whose files changed is not there. */
async function findCached(root: string, { version }: FetchDebianOptions): Promise<DebianGuest | undefined> {
  const index = await readIndex(root);
  for (const folder of version === undefined ? index.slice(0, 1) : index) {
    const lock = await readLock(join(root, folder));
    if (lock === undefined) continue;
    if (version !== undefined && !isVersion(version, lock.release, lock.version)) continue;
    return toGuest(join(root, folder), lock);
  }
  return undefined;
}

/** Cached versions, the one that runs without a pin use first; folders that somebody copied in come last. */
async function readIndex(root: string): Promise<string[]> {
  const text = await readFile(join(root, 'versions'), 'utf8').catch(whenAbsent(''));
  const folders = await readdir(root, { withFileTypes: true }).catch(whenAbsent([]));
  const names = folders.filter((one) => one.isDirectory()).map(({ name }) => name);
  const noted = text.split('\n').filter((name) => names.includes(name));
  const copied = names.filter((name) => !noted.includes(name) && !name.startsWith('.'));
  return [...noted, ...copied.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))];
}

async function hostSources(version: string | undefined): Promise<AptSource[]> {
  const mirror = await findDebianMirror();
  const suites = [kernelSuite, baseSuite, ...(version === undefined ? [] : olderSuites)];
  return suites.map((suite) => ({ ...mirror, suite, component: 'main' }));
}

interface Fetch extends FetchDebianOptions {
  readonly root: string;
  readonly work: string;
  readonly sources: readonly AptSource[];
}

async function fetchInto(fetch: Fetch): Promise<DebianGuest> {
  const { root, work, sources, signal, onProgress } = fetch;
  const from = sources[0]?.uri ?? '';
  const aptDir = join(work, 'apt');
  await mkdir(aptDir);
  const apt = await openApt({
    directory: aptDir,
    architecture: 'arm64',
    sources,
    signal,
    ...(fetch.retries === undefined ? {} : { retries: fetch.retries }),
  });
  onProgress?.({ stage: 'lists', from });
  await apt.update();
  const choice = await chooseKernel(apt, fetch.version, `${from} ${sources[0]?.suite}`);
  const packages = [...choice.packages, await onlyPackage(apt, 'busybox-static', from)];
  const folder = join(root, choice.version);
  const bytes = packages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  onProgress?.({ stage: 'announce', release: choice.release, bytes, from, to: folder });

  const made = join(work, 'guest');
  await mkdir(made);
  const debs = new Map<string, OpenDeb>();
  for (const [index, one] of packages.entries()) {
    onProgress?.({
      stage: 'download',
      name: one.name,
      bytes: one.sizeBytes,
      index: index + 1,
      of: packages.length,
    });
    const deb = await apt.download(one);
    await checkDeb(deb, one);
    onProgress?.({ stage: 'unpack', name: one.name });
    debs.set(one.name, await openDeb(deb, join(work, `${index}.tar`), signal));
  }
  const onWarning = (diagnostic: Diagnostic): void => onProgress?.({ stage: 'warning', diagnostic });
  const files = await takeFiles({ debs, release: choice.release, made, signal, onWarning });
  const lock: DebianLock = {
    format: lockFormat,
    ...choice,
    from,
    packages: packages.map(lockedPackage),
    files,
  };
  await writeFile(join(made, 'lock.json'), `${JSON.stringify(lock, undefined, 2)}\n`);
  await moveInPlace(made, folder);
  await noteVersion(fetch, choice.version);
  return toGuest(folder, lock);
}

const lockedPackage = ({ name, version, architecture, sizeBytes, sha256, file }: AptPackage) => ({
  name,
  version,
  architecture,
  sizeBytes,
  sha256,
  file,
});

/** A rename onto a folder that is there fails: another process was quicker, or the old one is damaged. */
async function moveInPlace(made: string, folder: string): Promise<void> {
  try {
    await rename(made, folder);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    if ((await readLock(folder)) !== undefined) return;
    await rm(folder, { recursive: true, force: true });
    await rename(made, folder);
  }
}

/** A pinned version does not become the one that runs without a pin use, unless it is the first. */
async function noteVersion({ root, work, version: pin }: Fetch, version: string): Promise<void> {
  const others = (await readIndex(root)).filter((name) => name !== version);
  const all = pin === undefined ? [version, ...others] : [...others, version];
  await writeFile(join(work, 'versions'), `${all.join('\n')}\n`);
  await rename(join(work, 'versions'), join(root, 'versions'));
}

function toGuest(folder: string, lock: DebianLock): DebianGuest {
  const ofRole = (role: LockedFile['role']) =>
    lock.files
      .filter((file) => file.role === role)
      .map(({ name, sha256 }) => ({ name: name.replace(/\.ko$/, ''), path: join(folder, name), sha256 }));
  const [kernel] = ofRole('kernel');
  const [busybox] = ofRole('busybox');
  if (kernel === undefined || busybox === undefined)
    throw new Error(`lock of ${folder} names no kernel or busybox`);
  return {
    kernel: { path: kernel.path, sha256: kernel.sha256, version: lock.release },
    modules: ofRole('module'),
    loopbackModules: ofRole('loopback-module'),
    busybox: { path: busybox.path, sha256: busybox.sha256 },
    provenance: lock,
  };
}
