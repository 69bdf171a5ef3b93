// SPDX-License-Identifier: BSD-2-Clause
// Linux's own vsock_test as a static arm64 program: Debian's linux-source package has its source, Debian's libc6-dev and
// libgcc its libraries, all by a private apt state as the guest's kernel, and the host's clang compiles it. Only the
// program is kept, in vmbuild's cache, by the version of its source: it is GPL-2.0-only, and nothing of it is ours.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { findDebianMirror } from '../../linux/apt-sources.ts';
import { kernelSuite } from '../../linux/debian.ts';
import { onlyPackage } from '../../linux/debian-packages.ts';
import { describeFailure, runCommand } from '../../make/run.ts';
import { cacheDir } from '../../make/store/cache.ts';
import { type Apt, openApt } from '../../make/tools/apt.ts';
import { findTools } from '../../make/tools/find.ts';
import { refuse } from '../../meta/diagnostic.ts';

export interface VsockTest {
  /** Of the static arm64 program, for each of `stepLimitsS`. */
  readonly paths: Readonly<Record<StepLimitS, string>>;
  /** Debian's version of the source, e.g. `7.3.4-1~bpo13+1`. */
  readonly version: string;
}

/**
 * Seconds that the suite gives a step, its own 10 or what two guests need who share one emulated core with seL4; a constant of its
 * timeout.h, over which the compiler is told another.
 */
const stepLimitsS = [10, 60] as const;
type StepLimitS = (typeof stepLimitsS)[number];

export interface VsockTestOptions {
  /** Release of the guests' kernel: the suite of the same series is taken, or the newest one. */
  readonly release: string;
  readonly signal: AbortSignal;
  readonly onNews: (text: string) => void;
}

/** From the cache, or fetched and compiled. What it refuses: families DEB, APT, TOOL; PEER101 if it does not compile. */
export async function loadVsockTest(options: VsockTestOptions): Promise<VsockTest> {
  const root = join(cacheDir(process.env), 'vsock-test');
  const series = seriesOf(options.release);
  const cached = await findCached(root, series);
  if (cached !== undefined) return cached;
  const mirror = await findDebianMirror();
  await mkdir(root, { recursive: true });
  const work = await mkdtemp(join(root, '.fetch-'));
  try {
    const apt = await openApt({
      directory: work,
      architecture: 'arm64',
      sources: suites.map((suite) => ({ ...mirror, suite, component: 'main' })),
      signal: options.signal,
    });
    await apt.update();
    return await fetchAndCompile({ ...options, apt, work, root, series, from: mirror.uri });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** As the guest's kernel, then its C library. */
const suites = [kernelSuite, 'trixie'];

/** `7.3` of `7.3.4+deb13-cloud-arm64` */
const seriesOf = (release: string): string => /^\d+\.\d+/.exec(release)?.[0] ?? '';

/** Folders are `7.3 7.3.4-1~bpo13+1`: the series that asked for it, and what it got. They appear as a whole. */
async function findCached(root: string, series: string): Promise<VsockTest | undefined> {
  const names = await readdir(root).catch(() => []);
  const name = names
    .filter((one) => one.startsWith(`${series} `))
    .toSorted()
    .at(-1);
  if (name === undefined) return undefined;
  const test = programsIn(join(root, name), name.slice(series.length + 1));
  return Object.values(test.paths).every((path) => existsSync(path)) ? test : undefined;
}

const programsIn = (folder: string, version: string): VsockTest => ({
  paths: { 10: join(folder, fileName(10)), 60: join(folder, fileName(60)) },
  version,
});

const fileName = (limitS: StepLimitS): string => `vsock_test-${limitS}s`;

interface Fetch extends VsockTestOptions {
  readonly apt: Apt;
  readonly work: string;
  readonly root: string;
  readonly series: string;
  readonly from: string;
}

async function fetchAndCompile(fetch: Fetch): Promise<VsockTest> {
  const { apt, work, root, series, from, signal, onNews } = fetch;
  const numbered = (names: readonly string[], pattern: RegExp): string[] =>
    names
      .filter((name) => pattern.test(name))
      .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const sources = numbered(await apt.names('linux-source-'), /^linux-source-\d+\.\d+$/);
  const wanted = `linux-source-${series}`;
  const sourceName = sources.includes(wanted) ? wanted : (sources.at(-1) ?? wanted);
  const gcc = numbered(await apt.names('libgcc-'), /^libgcc-\d+-dev$/).at(-1) ?? 'libgcc-dev';
  const source = await onlyPackage(apt, sourceName, from);
  const libraries = [];
  for (const name of ['libc6-dev', gcc, 'linux-libc-dev']) libraries.push(await onlyPackage(apt, name, from));
  const bytes = [source, ...libraries].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  onNews(
    `fetching ${sourceName} ${source.version} for its vsock_test, and a C library: ${Math.round(bytes / 1e6)} MB from ${from}`,
  );

  const tree = join(work, 'linux');
  const libc = join(work, 'libc');
  await mkdir(tree);
  await mkdir(libc);
  await unpackSource(await apt.download(source), tree, signal);
  for (const library of libraries)
    await execa('dpkg-deb', ['--extract', await apt.download(library), libc], { cancelSignal: signal });
  const made = join(work, 'made');
  await mkdir(made);
  for (const limitS of stepLimitsS)
    await compile({ tree, libc, limitS, output: join(made, fileName(limitS)), signal });
  await writeFile(
    join(made, 'packages'),
    [source, ...libraries].map(({ name, version, sha256 }) => `${name} ${version} ${sha256}\n`).join(''),
  );
  const folder = join(root, `${series} ${source.version}`);
  await rm(folder, { recursive: true, force: true });
  await rename(made, folder);
  return programsIn(folder, source.version);
}

/** The suite and the headers that it shares with the kernel's other tools: 2 MB of a package of 167. */
async function unpackSource(deb: string, tree: string, signal: AbortSignal): Promise<void> {
  const options = { cancelSignal: signal, buffer: false } as const;
  const member = './usr/src/linux-source-*.tar.xz';
  const wanted = ['*/tools/testing/vsock', '*/tools/include'];
  await execa('dpkg-deb', ['--fsys-tarfile', deb], options)
    .pipe('tar', ['--extract', '--to-stdout', '--wildcards', member], options)
    .pipe('xz', ['-dc', '-T2'], options)
    .pipe(
      'tar',
      ['--extract', '--directory', tree, '--strip-components=1', '--wildcards', ...wanted],
      options,
    );
}

async function compile(options: {
  readonly tree: string;
  readonly libc: string;
  readonly limitS: StepLimitS;
  readonly output: string;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { tree, libc, limitS, output, signal } = options;
  const { clang, lld } = await findTools(['clang', 'lld'], process.env);
  const gccRoot = join(libc, 'usr/lib/gcc/aarch64-linux-gnu');
  const gcc = join(gccRoot, (await readdir(gccRoot)).toSorted().at(-1) ?? '');
  const suite = join(tree, 'tools/testing/vsock');
  await writeFile(join(libc, 'limit.h'), `#define TIMEOUT ${limitS}\n`);
  const args = [
    '--target=aarch64-linux-gnu',
    `--sysroot=${libc}`,
    `-B${gcc}`,
    `-L${gcc}`,
    `--ld-path=${lld.path}`,
    // It is not ours to mend.
    '-w',
    '-O2',
    '-static',
    '-pthread',
    '-Wl,--strip-all',
    '-D_GNU_SOURCE',
    '-I.',
    '-I../../include',
    // The suite's header first: what stands there by the name of TIMEOUT is an enumerator, which cannot be defined away.
    ...['unistd.h', 'timeout.h', join(libc, 'limit.h')].flatMap((header) => ['-include', header]),
    ...programSources,
    '-o',
    output,
  ];
  const { end, output: said } = await runCommand({ tool: clang.path, args, cwd: suite }, signal);
  const failure = describeFailure(end);
  if (failure !== undefined)
    refuse('PEER101', `clang ${failure} when it compiled vsock_test: ${said.trim().slice(0, 2000)}`, {
      hint: 'report it with the version of clang and of the source',
    });
}

/** As the suite's own Makefile has it. */
const programSources = [
  'vsock_test',
  'vsock_test_zerocopy',
  'timeout',
  'control',
  'util',
  'msg_zerocopy_common',
].map((name) => `${name}.c`);
