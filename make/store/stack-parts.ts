// SPDX-License-Identifier: BSD-2-Clause
// The three parts of the stack that are not vmbuild's own, and where each is: given by the user, in the store, or
// nowhere yet. Pure look-ups; nothing is fetched here.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { refuse } from '../../meta/diagnostic.ts';
import { isFile } from '../presence.ts';
import type { SourcePin, Stack } from '../stack.ts';
import { cacheDir, type Environment, sdkDir, sourceDir } from './cache.ts';
import { absentFiles } from './sources.ts';

export interface StackPart {
  readonly part: 'sdk' | 'libvmm' | 'sddf';
  /** `Microkit SDK 2.3.0` */
  readonly name: string;
  /** What the user named, else the place in the store. */
  readonly path: string;
  /** `given` is never looked at nor fetched over here: findSdk and findSources judge it. */
  readonly state: 'given' | 'stored' | 'missing';
  /** How to name one's own: `--sdk DIR`. */
  readonly flag: string;
  /** Of a source tree. */
  readonly source?: SourcePin;
}

export interface GivenParts {
  /** Values of the flags. */
  readonly sdk?: string | undefined;
  readonly libvmm?: string | undefined;
  readonly sddf?: string | undefined;
}

export function findParts(stack: Stack, env: Environment, given: GivenParts): readonly StackPart[] {
  const cache = cacheDir(env);
  const sdk = sdkDir(cache, stack.microkit);
  const sourcePart = (part: 'libvmm' | 'sddf', called: 'libvmm' | 'sDDF'): StackPart => {
    const source = stack[part];
    const name = `${called} ${source.version}`;
    const path = sourceDir(cache, part, source.commit);
    const lacks = (): readonly string[] => absentFiles(called, path);
    return {
      part,
      flag: `--${part} DIR`,
      source,
      ...locate(name, path, lacks, given[part], env[part.toUpperCase()]),
    };
  };
  const lacks = (): readonly string[] => ['VERSION'].filter((file) => !isFile(join(sdk, file)));
  return [
    {
      part: 'sdk',
      flag: '--sdk DIR',
      ...locate(`Microkit SDK ${stack.microkit}`, sdk, lacks, given.sdk, env['MICROKIT_SDK']),
    },
    sourcePart('libvmm', 'libvmm'),
    sourcePart('sddf', 'sDDF'),
  ];
}

function locate(
  name: string,
  path: string,
  lacks: () => readonly string[],
  flag: string | undefined,
  variable: string | undefined,
): Pick<StackPart, 'name' | 'path' | 'state'> {
  const given = flag ?? variable;
  if (given !== undefined && given !== '') return { name, path: given, state: 'given' };
  if (isEmpty(path)) return { name, path, state: 'missing' };
  const absent = lacks();
  if (absent.length > 0)
    refuse('STORE103', `'${path}' is there, but it is no ${name}: it has no ${absent.join(', ')}`, {
      hint: `remove '${path}', then fetch again`,
    });
  return { name, path, state: 'stored' };
}

/** A rename takes the place of an empty directory. */
function isEmpty(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}
