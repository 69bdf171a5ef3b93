// SPDX-License-Identifier: BSD-2-Clause
// Which Debian mirror this host uses, and with which keyring: read from its own /etc/apt, in both of the formats that
// sources.list(5) knows. So a site's own mirror or cache serves the guest's packages too.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AptSource, parseStanza } from '../make/tools/apt.ts';
import { refuse } from '../meta/diagnostic.ts';

export interface HostPaths {
  /** Default /etc/apt. */
  readonly aptDir?: string;
  /** Default /etc/os-release. */
  readonly osRelease?: string;
}

/** Mirror and keyring of a host that runs Debian: what its archive's `main` comes from. */
export type DebianMirror = Pick<AptSource, 'uri' | 'signedBy'>;

/** Refuses hosts that are not Debian, or that name no mirror. */
export async function findDebianMirror(paths: HostPaths = {}): Promise<DebianMirror> {
  const aptDir = paths.aptDir ?? '/etc/apt';
  const release = await readOsRelease(paths.osRelease ?? '/etc/os-release');
  if (release.get('ID') !== 'debian')
    refuse(
      'DEB101',
      `'--guest debian' takes its packages from the host's own mirror, but this host runs ${release.get('PRETTY_NAME') ?? 'no system that /etc/os-release names'}`,
      { hint: 'give images with --linux and --initrd' },
    );
  const sources = await readAptSources(aptDir);
  const codename = release.get('VERSION_CODENAME') ?? 'stable';
  const mirror = chooseMirror(sources, codename);
  if (mirror === undefined)
    refuse(
      'DEB102',
      `none of the ${sources.length} sources in '${aptDir}' is a Debian mirror with suite ${codename}`,
      {
        hint: `add a mirror there (see sources.list(5)), or give images with --linux and --initrd`,
      },
    );
  return mirror;
}

/** The entry for the host's own release; updates, security and third parties are other archives. */
export function chooseMirror(sources: readonly AptSource[], codename: string): DebianMirror | undefined {
  const names = [codename, 'stable', 'testing', 'unstable', 'sid'];
  const found = names.flatMap((name) =>
    sources.filter(
      ({ suite, component, uri }) => suite === name && component === 'main' && !/^(cdrom|copy):/.test(uri),
    ),
  )[0];
  if (found === undefined) return undefined;
  const { uri, signedBy } = found;
  return { uri, ...(signedBy === undefined ? {} : { signedBy }) };
}

/** All enabled `deb` entries of sources.list and sources.list.d, one per URI, suite and component. */
export async function readAptSources(aptDir: string): Promise<AptSource[]> {
  const found: AptSource[] = [];
  const list = await readIfThere(join(aptDir, 'sources.list'));
  if (list !== undefined) found.push(...parseSourcesList(list));
  const names = await readdir(join(aptDir, 'sources.list.d')).catch(() => []);
  for (const name of names.toSorted(byCodeUnits)) {
    // apt ignores files with other characters in their name.
    if (!/^[\w.-]+\.(list|sources)$/.test(name)) continue;
    const text = (await readIfThere(join(aptDir, 'sources.list.d', name))) ?? '';
    found.push(...(name.endsWith('.list') ? parseSourcesList(text) : parseSourcesFile(text)));
  }
  return found;
}

/** The one-line format: `deb [signed-by=/x arch=amd64] http://mirror/debian bookworm main contrib`. */
export function parseSourcesList(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const entry = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)/.exec(line);
    if (entry === null) return [];
    const [, options = '', uri = '', suite = '', rest = ''] = entry;
    const signedBy = /(?:^|\s)signed-by=(\S+)/.exec(options)?.[1]?.replaceAll(',', ' ');
    const components = rest.split(/\s+/).filter(Boolean);
    return components.map((component) => newSource({ uri, suite, component, signedBy }));
  });
}

/** The deb822 format: stanzas with Types, URIs, Suites, Components, Signed-By (a path, or a key over many lines). */
export function parseSourcesFile(text: string): AptSource[] {
  return text
    .replaceAll('\r\n', '\n')
    .split(/\n[ \t]*\n/)
    .map(parseStanza)
    .flatMap((fields) => {
      const words = (name: string): string[] => (fields.get(name) ?? '').split(/\s+/).filter(Boolean);
      if (/^(no|false|0|off)$/i.test(fields.get('Enabled')?.trim() ?? '')) return [];
      if (!words('Types').includes('deb')) return [];
      const signedBy = fields.get('Signed-By');
      return words('URIs').flatMap((uri) =>
        words('Suites').flatMap((suite) =>
          words('Components').map((component) => newSource({ uri, suite, component, signedBy })),
        ),
      );
    });
}

function newSource(from: {
  uri: string;
  suite: string;
  component: string;
  signedBy: string | undefined;
}): AptSource {
  const { signedBy, ...rest } = from;
  return signedBy === undefined || signedBy === '' ? rest : { ...rest, signedBy };
}

async function readOsRelease(path: string): Promise<Map<string, string>> {
  const text = (await readIfThere(path)) ?? '';
  const fields = text.split('\n').flatMap((line): [string, string][] => {
    const [, key, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [[key, value.replace(/^(["'])(.*)\1$/, '$2')]];
  });
  return new Map(fields);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
