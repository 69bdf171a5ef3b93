// SPDX-License-Identifier: BSD-2-Clause
// Fetches Debian packages of any architecture with the host's own apt, as an ordinary user and without changing the
// host: apt gets a configuration, package lists and a cache of its own in a folder of ours. Of the host's
// configuration it keeps how to reach the network (all of `Acquire::`, so proxies, and auth.conf) and the keyrings;
// not its hooks, pins, sources or architectures.
//
// Who is trusted: apt verifies InRelease with the keyring of Signed-By, the package lists by the hashes in InRelease,
// and each .deb that it downloads by the hash in the list. A mismatch is an error of apt's, never a file.
//
// All paths in the configuration are relative to that folder, which is the working directory of every command: apt's
// own syntax has no way to quote some of the characters that a path may hold.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa, ExecaError } from 'execa';
import { type Diagnostic, exitCode, refuse } from '../../meta/diagnostic.ts';

/** One stanza of a deb822 sources file (sources.list(5)). */
export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly component: string;
  /** As in the host's own file: path of a keyring, a fingerprint, or an armoured key (several lines). */
  readonly signedBy?: string;
  /** Only for the tests' own repositories. */
  readonly trusted?: boolean;
}

/** A package as the package lists describe it: one version of it. */
export interface AptPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly sizeBytes: number;
  /** Of the .deb, from the signed list. */
  readonly sha256: string;
  /** Path of the .deb under the mirror's root. */
  readonly file: string;
  /** Names only, without versions or alternatives. */
  readonly depends: readonly string[];
}

export interface Apt {
  /** Fetches the package lists. */
  update(): Promise<void>;
  /** All versions that the lists have of `name`, newest first; none if the lists do not know it. */
  show(name: string): Promise<readonly AptPackage[]>;
  /** All names that begin with `prefix`, sorted. */
  names(prefix: string): Promise<readonly string[]>;
  /** Downloads one .deb, verified by apt, and returns its path. */
  download(wanted: AptPackage): Promise<string>;
}

export interface AptOptions {
  /** An empty folder of ours; apt leaves everything in it. */
  readonly directory: string;
  readonly architecture: string;
  readonly sources: readonly AptSource[];
  readonly signal: AbortSignal;
  /** How often apt tries again what is transient. Default 2. */
  readonly retries?: number;
  /** Seconds without a byte before a connection is given up. Default 30. */
  readonly timeoutSeconds?: number;
}

export async function openApt(options: AptOptions): Promise<Apt> {
  const { directory } = options;
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'sources.d', 'none'])
    await mkdir(join(directory, folder), { recursive: true });
  await writeFile(join(directory, 'status'), '');
  await writeFile(join(directory, 'sources.d/vmbuild.sources'), options.sources.map(renderSource).join('\n'));
  const acquire = keepAcquire(await runApt({ ...options, tool: 'apt-config', args: ['dump'] }));
  await writeFile(join(directory, 'apt.conf'), renderConfig(options, acquire));

  const run = (tool: string, args: readonly string[]): Promise<string> =>
    runApt({ ...options, tool, args, config: './apt.conf' });
  return {
    update: async () => void (await run('apt-get', ['update', '--error-on=any', '-qq'])),
    show: async (name) => parsePackages(await run('apt-cache', ['show', '--', name]), name),
    names: async (prefix) =>
      (await run('apt-cache', ['pkgnames', '--', prefix])).split('\n').filter(Boolean).toSorted(),
    download: async (wanted) => {
      await run('apt-get', [
        'download',
        '-qq',
        '--',
        `${wanted.name}:${wanted.architecture}=${wanted.version}`,
      ]);
      return join(directory, debFileName(wanted));
    },
  };
}

/** As apt names what it downloads: colons of a version are escaped. */
const debFileName = ({ name, version, architecture }: AptPackage): string =>
  `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`;

function renderSource({ uri, suite, component, signedBy, trusted }: AptSource): string {
  const lines = ['Types: deb', `URIs: ${uri}`, `Suites: ${suite}`, `Components: ${component}`];
  if (signedBy !== undefined) lines.push(`Signed-By: ${signedBy}`);
  if (trusted === true) lines.push('Trusted: yes');
  return `${lines.join('\n')}\n`;
}

/** The host's `Acquire::` settings, less the extra indexes that desktops fetch and anything that runs a hook. */
const keepAcquire = (dump: string): string[] =>
  dump
    .split('\n')
    .filter((line) => line.startsWith('Acquire::') && !/^Acquire::(IndexTargets|Languages)\b/i.test(line));

function renderConfig(
  { architecture, retries, timeoutSeconds }: AptOptions,
  acquire: readonly string[],
): string {
  const own: readonly [string, string][] = [
    ['Dir::Etc::main', './none/none'],
    ['Dir::Etc::parts', './none'],
    ['Dir::Etc::sourcelist', '/dev/null'],
    ['Dir::Etc::sourceparts', './sources.d'],
    ['Dir::Etc::preferences', '/dev/null'],
    ['Dir::Etc::preferencesparts', './none'],
    ['Dir::State', './state'],
    ['Dir::State::status', './status'],
    ['Dir::Cache', './cache'],
    ['APT::Architecture', architecture],
    ['APT::Architectures::', architecture],
    // As root apt would download as user _apt, who cannot enter our folder, and say so each time.
    ['APT::Sandbox::User', 'root'],
    ['Acquire::Languages', 'none'],
    ['Acquire::Retries', String(retries ?? 2)],
    ['Acquire::http::Timeout', String(timeoutSeconds ?? 30)],
    ['Acquire::https::Timeout', String(timeoutSeconds ?? 30)],
  ];
  return `${[...acquire, ...own.map(([key, value]) => `${key} "${value}";`)].join('\n')}\n`;
}

interface AptRun extends AptOptions {
  readonly tool: string;
  readonly args: readonly string[];
  readonly config?: string;
}

/** Packages of a kernel suite list to about 1 MB; more than this is not apt speaking. */
const maxOutputBytes = 64 * 1024 * 1024;

async function runApt({ tool, args, config, directory, sources, signal }: AptRun): Promise<string> {
  signal.throwIfAborted();
  try {
    const { stdout } = await execa(tool, args, {
      cwd: directory,
      env: { LC_ALL: 'C.UTF-8', ...(config === undefined ? {} : { APT_CONFIG: config }) },
      stdin: 'ignore',
      maxBuffer: maxOutputBytes,
      cancelSignal: signal,
      forceKillAfterDelay: 2000,
    });
    return stdout;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ExecaError)) throw error;
    if (error.code === 'ENOENT')
      refuse('APT101', `'${tool}' was not found; Debian's packages are fetched with apt`, {
        hint: 'install apt, or give images with --linux and --initrd',
        exit: exitCode.missing,
      });
    const stderr = error.stderr ?? '';
    // `apt-cache show` of an unknown name; an empty answer is the caller's to judge.
    if (tool === 'apt-cache' && /No packages found|Unable to locate package/.test(stderr)) return '';
    return refuseRun(tool, args, stderr, sources);
  }
}

function refuseRun(
  tool: string,
  args: readonly string[],
  stderr: string,
  sources: readonly AptSource[],
): never {
  const lines = [...new Set(stderr.split('\n').filter((line) => /^[EW]: /.test(line)))];
  // The last line sums up ("Some index files failed to download"); the first ones say why.
  const said = (lines.length > 1 ? lines.slice(0, 3) : lines).map((line) => line.slice(3)).join('; ');
  const { code, hint } = judge(stderr);
  const from = [...new Set(sources.map(({ uri }) => uri))].join(', ');
  refuse(code, `'${tool} ${args[0]}' failed on ${from}: ${said === '' ? 'it gave no reason' : said}`, {
    hint,
  });
}

/** What apt's words mean; strings of apt 2.6 to 3.0. */
function judge(stderr: string): Pick<Diagnostic, 'code'> & { hint: string } {
  if (/Hash Sum mismatch|unexpected size|Clearsigned file isn't valid|NOSPLIT/i.test(stderr))
    return {
      code: 'APT103',
      hint: 'try again later or behind another proxy: the mirror is being updated, or lies',
    };
  if (/NO_PUBKEY|not signed|signatures? (were|couldn't)|EXPKEYSIG|BADSIG/i.test(stderr))
    return {
      code: 'APT104',
      hint: 'install the package debian-archive-keyring, or check Signed-By in /etc/apt',
    };
  if (/ 404 |does not have a Release file|File not found/i.test(stderr))
    return { code: 'APT102', hint: 'check that the mirror in /etc/apt carries this suite' };
  if (/No space left/i.test(stderr)) return { code: 'APT106', hint: 'free some space and try again' };
  if (/resolve|connect|Temporary failure|timed out|Connection/i.test(stderr))
    return {
      code: 'APT105',
      hint: 'check the network and the proxy, or use --offline with images that are cached',
    };
  return { code: 'APT107', hint: 'mend what apt says, or give images with --linux and --initrd' };
}

/** `apt-cache show`: stanzas of the package lists, newest version first. */
function parsePackages(text: string, name: string): AptPackage[] {
  return text
    .split(/\n\n+/)
    .map(parseStanza)
    .filter((fields) => fields.get('Package') === name)
    .flatMap((fields) => {
      const [version, architecture, sha256, file] = ['Version', 'Architecture', 'SHA256', 'Filename'].map(
        (f) => fields.get(f),
      );
      if (!version || !architecture || !sha256 || !file) return [];
      const depends = (fields.get('Depends') ?? '')
        .split(',')
        .map((one) => one.trim().split(/[\s|(:]/)[0] ?? '')
        .filter(Boolean);
      return [
        { name, version, architecture, sha256, file, sizeBytes: Number(fields.get('Size') ?? 0), depends },
      ];
    });
}

/** Fields of one deb822 stanza; continuation lines keep their leading blank. */
export function parseStanza(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = '';
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#')) continue;
    const field = /^([^\s:]+):[ \t]*(.*)$/.exec(line);
    if (field?.[1] !== undefined) {
      last = field[1];
      fields.set(last, field[2] ?? '');
    } else if (last !== '' && /^[ \t]/.test(line)) {
      fields.set(last, `${fields.get(last)}\n${line}`);
    }
  }
  return fields;
}
