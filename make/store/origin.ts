// SPDX-License-Identifier: BSD-2-Clause
// Where the SDK and the sources come from: GitHub, or a mirror with GitHub's paths. A user and a password in its
// address are taken out here, so that no message, process list or file of git's can show them.
import { exitCode, refuse } from '../../meta/diagnostic.ts';
import type { Platform } from '../stack.ts';

export const github = 'https://github.com';

export interface Origin {
  /** Without credentials; its path ends in `/`. */
  readonly base: URL;
  /** Value of an Authorization header. */
  readonly authorization?: string;
}

/** `https://…`, `http://…` or `file://…`. Refuses ARG108, exit 2, whatever is none. */
export function parseOrigin(text: string, flag = '--github', normal = github): Origin {
  const refused = (what: string): never =>
    refuse('ARG108', `${flag} '${withoutCredentials(text)}' ${what}`, {
      hint: `leave it out for ${normal}, or give a mirror with the same paths: https://host/path or file:///path`,
      exit: exitCode.usage,
    });
  if (!URL.canParse(text)) return refused('is no URL');
  const base = new URL(text);
  if (!['http:', 'https:', 'file:'].includes(base.protocol))
    return refused('is neither http, https nor file');
  if (base.search !== '' || base.hash !== '') return refused('has a query or a fragment');
  const authorization = takeCredentials(base);
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return { base, ...(authorization === undefined ? {} : { authorization }) };
}

export const sdkArchiveName = (version: string, platform: Platform): string =>
  `microkit-sdk-${version}-${platform}.tar.gz`;

export const sdkUrl = ({ base }: Origin, version: string, platform: Platform): URL =>
  new URL(`seL4/microkit/releases/download/${version}/${sdkArchiveName(version, platform)}`, base);

/** `repository` as GitHub names it: `au-ts/libvmm`. */
export const sourceUrl = ({ base }: Origin, repository: string): URL => new URL(`${repository}.git`, base);

/** For messages: downloads are redirected to addresses whose query is a signature. */
export const showUrl = (url: URL): string =>
  url.protocol === 'file:' ? url.href : `${url.origin}${url.pathname}`;

/** Removes user and password from `url`; gives them as Basic authorization. */
export function takeCredentials(url: URL): string | undefined {
  const { username, password } = url;
  if (username === '' && password === '') return undefined;
  url.username = '';
  url.password = '';
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

/** Also of a text that is no URL: everything between `//` and the last `@` may be secret. */
export const withoutCredentials = (text: string): string => text.replace(/\/\/.*@/s, '//***@');

/** Undefined where Microkit has no SDK for this machine. */
export function hostPlatform(platform = process.platform, arch = process.arch): Platform | undefined {
  const system = platform === 'darwin' ? 'macos' : platform === 'linux' ? 'linux' : undefined;
  const machine = arch === 'x64' ? 'x86-64' : arch === 'arm64' ? 'aarch64' : undefined;
  return system === undefined || machine === undefined ? undefined : `${system}-${machine}`;
}
