// SPDX-License-Identifier: BSD-2-Clause
// Nothing that the user gives is written over: a file that is read may not be a file that is made.
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { exitCode, refuse } from '../meta/diagnostic.ts';
import type { OptionName, Settings } from './options.ts';

const inputs = ['linux', 'initrd', 'dtb', 'file', 'system'] as const satisfies readonly OptionName[];
const outputs = ['save-svg', 'pcap'] as const satisfies readonly OptionName[];

/** Refuses ARG128 if a flag names as output what another names as input; `alsoMade` are files that the command makes. */
export function refuseOverwriting(settings: Settings, alsoMade: readonly string[] = []): void {
  const made = [
    ...outputs.flatMap((name) => {
      const path = settings.text(name);
      return path === undefined ? [] : [{ path, by: `--${name}` }];
    }),
    ...alsoMade.map((path) => ({ path, by: 'this command' })),
  ];
  for (const name of inputs) {
    const read = settings.text(name);
    const hit = read === undefined ? undefined : made.find(({ path }) => isSame(path, read));
    if (hit !== undefined)
      refuse(
        'ARG128',
        `'${hit.path}' would be written by ${hit.by}, and ${name === 'file' ? 'is what it reads' : `--${name} reads it`}`,
        {
          hint: 'name another file or directory for the output',
          exit: exitCode.usage,
        },
      );
  }
}

function isSame(a: string, b: string): boolean {
  return real(a) === real(b);
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path); // not there yet
  }
}
