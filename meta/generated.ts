// SPDX-License-Identifier: BSD-2-Clause
// The files that a system of the user's own comes out as, beside its image: its system description, and for C the
// configs of each protection domain, the structs of the user's own, and the numbers.

import { type ComponentConfig, configuredPds, renderConfigHeader, renderData } from './config/component.ts';
import { ownStructHeaders } from './config/own-struct.ts';
import { systemHeaders } from './config/system-header.ts';
import type { Diagnostic } from './diagnostic.ts';
import { errorFinding } from './finding.ts';
import type { SystemDescription } from './model.ts';
import { renderSdf } from './sdf/render.ts';

export interface GeneratedFile {
  /** Relative to the directory of the outputs. */
  readonly name: string;
  readonly content: string | Uint8Array;
}

/** Where C finds what is generated. */
export const headerDirectory = 'config';

export const configHeader = (pd: string): string => `${headerDirectory}/${pd}.config.h`;

/** All but the SDF, and what is wrong with them. */
export function generateHeaders(
  system: SystemDescription,
  configs: readonly ComponentConfig[],
): { readonly files: readonly GeneratedFile[]; readonly findings: readonly Diagnostic[] } {
  const { headers, findings } = systemHeaders(system, configs);
  const files = [
    ...configuredPds(configs).map((pd) => ({
      name: configHeader(pd),
      content: renderConfigHeader(pd, configs),
    })),
    ...[...headers, ...ownStructHeaders(configs)].map(({ name, text }) => ({
      name: `${headerDirectory}/${name}`,
      content: text,
    })),
  ];
  return { files, findings: [...findings, ...clashes(files)] };
}

/** With sdfgen's .data files, for people who keep their own Makefiles. */
export function generateAll(
  sdf: string,
  own: { readonly system: SystemDescription; readonly configs: readonly ComponentConfig[] },
  { withData }: { readonly withData: boolean },
): readonly GeneratedFile[] {
  return [
    { name: sdf, content: renderSdf(own.system) },
    ...generateHeaders(own.system, own.configs).files,
    ...(withData
      ? own.configs.map((config) => ({ name: config.dataFile, content: renderData(config) }))
      : []),
  ];
}

/** File systems may take names for one that differ in their capitals only. */
function clashes(files: readonly GeneratedFile[]): Diagnostic[] {
  const seen = new Map<string, GeneratedFile>();
  return files.flatMap((file) => {
    const first = seen.get(file.name.toLowerCase());
    seen.set(file.name.toLowerCase(), file);
    if (first === undefined) return [];
    return [
      errorFinding('HDR102', `'${first.name}' and '${file.name}' would be one file`, {
        hint: 'rename one of the protection domains or structs that they are called after',
      }),
    ];
  });
}
