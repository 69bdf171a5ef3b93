// SPDX-License-Identifier: BSD-2-Clause
// `--guest trustworthy-systems`, `--guest debian` or `--guest debian=7.3.4`: where guest images come from when they are
// not given as files.
import { exitCode, refuse } from '../meta/diagnostic.ts';

export type GuestSource =
  | { readonly from: 'trustworthy-systems' }
  | { readonly from: 'debian'; readonly version?: string };

/** Undefined if the flag was not given. */
export function parseGuest(guest: string | undefined): GuestSource | undefined {
  if (guest === undefined) return undefined;
  if (guest === 'trustworthy-systems') return { from: guest };
  const [from, version, ...rest] = guest.split('=');
  if (from !== 'debian' || rest.length > 0 || version === '')
    return refuse('ARG104', `'--guest ${guest}' is no source of guest images`, {
      hint: 'use --guest trustworthy-systems, --guest debian, --guest debian=VERSION, or files with --linux and --initrd',
      exit: exitCode.usage,
    });
  return version === undefined ? { from } : { from, version };
}
