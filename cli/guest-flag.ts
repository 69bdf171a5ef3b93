// SPDX-License-Identifier: BSD-2-Clause
// `--guest debian` or `--guest debian=7.3.4`: where guest images come from when they are not given as files.
import { exitCode, refuse } from '../meta/diagnostic.ts';

export function parseGuest(guest: string): { readonly version?: string } {
  const [source, version, ...rest] = guest.split('=');
  if (source !== 'debian' || rest.length > 0 || version === '')
    return refuse('ARG104', `'--guest ${guest}' is no source of guest images`, {
      hint: 'use --guest debian, --guest debian=VERSION, or files with --linux and --initrd',
      exit: exitCode.usage,
    });
  return version === undefined ? {} : { version };
}
