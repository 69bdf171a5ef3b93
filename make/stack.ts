// SPDX-License-Identifier: BSD-2-Clause
// The stack that vmbuild is made for, as a value, and the judgement on what was given instead.
//
// A patch level, a suffix (-dev) or another commit is one warning: what is there is built, fingerprinted by content.
// Another major or minor version is an error, unless it is allowed.
import type { Diagnostic } from '../meta/diagnostic.ts';
import { isSameMinor, parseVersion } from './tools/version.ts';

/** As Microkit names its SDKs. */
export type Platform = 'linux-x86-64' | 'linux-aarch64' | 'macos-x86-64' | 'macos-aarch64';

export interface Stack {
  readonly microkit: string;
  /** NAR SHA-256 of the tree in the SDK's archive for each platform, without its top directory. */
  readonly sdkTrees: Readonly<Record<Platform, string>>;
  readonly sel4: string;
  readonly libvmm: SourcePin;
  /** sDDF has no version file; the commit is 0.7.0 but for its documentation. */
  readonly sddf: SourcePin;
  /** Struct layouts as this sdfgen has them. */
  readonly sdfgen: string;
}

export interface SourcePin {
  readonly version: string;
  readonly commit: string;
  /** As GitHub names it. */
  readonly repository: string;
  /** What comes over the network for this one commit, roughly. */
  readonly packBytes: number;
}

export const stack: Stack = {
  microkit: '2.3.0',
  // As flake.nix of libvmm 0.2.0 pins them for fetchzip.
  sdkTrees: {
    'linux-x86-64': 'sha256-95nmS3e2Y0Mu3SC5Yy7lMDabyhEw7vjgwGMJpXAz4Hs=',
    'linux-aarch64': 'sha256-Chv1S0xxaf2ROQ4OcATLorQ9iaNaiXrCresl+AW0iBI=',
    'macos-aarch64': 'sha256-7WtFeEf/BbcpNLCKtsJDWcypYXHxAAEMElL+p4KsVXc=',
    'macos-x86-64': 'sha256-ob07JxvpiG9DqCB5rdEeDlUYPK2X2wqj1MFJjFbge6k=',
  },
  sel4: '16.0.0',
  libvmm: {
    version: '0.2.0',
    commit: '7069ab99d25d3e05783b8b3fbd68fde2a1b6cf4e',
    repository: 'au-ts/libvmm',
    packBytes: 1_560_000,
  },
  sddf: {
    version: '0.7.0',
    commit: 'a15355c7ce65ed94e91716ec348b8273188ecf16',
    repository: 'au-ts/sddf',
    packBytes: 4_360_000,
  },
  sdfgen: '0.35',
};

/** A part that was found, as it calls itself. */
export interface FoundPart {
  readonly name: 'Microkit SDK' | 'libvmm' | 'sDDF';
  readonly path: string;
  /** Text of its version file, if it has one. */
  readonly version?: string;
  /** Commit that is checked out, if that can be told. */
  readonly commit?: string;
}

/** At most one finding per part. */
export function judgePart(part: FoundPart, options: { readonly allowStack: boolean }): readonly Diagnostic[] {
  const wanted = wantedOf(part.name);
  const place = { file: part.path };
  const { version, commit } = part;
  if (version !== undefined) {
    const number = parseVersion(version);
    if (number === undefined || !isSameMinor(number, wanted.version))
      return [
        {
          code: 'STACK101',
          severity: options.allowStack ? 'warning' : 'error',
          message: `${part.name} is version '${version}', but vmbuild is made for ${wanted.version}`,
          place,
          hint: `use ${part.name} ${wanted.version} (any ${minorOf(wanted.version)} is taken), or try this one with --allow-stack`,
        },
      ];
    if (version !== wanted.version)
      return [warn(`${part.name} is version ${version}, vmbuild is made for ${wanted.version}`, place)];
  }
  if (wanted.commit !== undefined && commit !== undefined && commit !== wanted.commit)
    return [warn(`${part.name} is at commit ${commit}, vmbuild is made for ${wanted.commit}`, place)];
  if (wanted.commit !== undefined && commit === undefined && version === undefined)
    return [warn(`${part.name} is at an unknown commit, vmbuild is made for ${wanted.commit}`, place)];
  return [];
}

/** `2.3.0` → `2.3.x` */
const minorOf = (version: string): string => `${version.split('.').slice(0, 2).join('.')}.x`;

const warn = (message: string, place: { file: string }): Diagnostic => ({
  code: 'STACK102',
  severity: 'warning',
  message,
  place,
});

function wantedOf(name: FoundPart['name']): { readonly version: string; readonly commit?: string } {
  if (name === 'Microkit SDK') return { version: stack.microkit };
  return name === 'libvmm' ? stack.libvmm : stack.sddf;
}
