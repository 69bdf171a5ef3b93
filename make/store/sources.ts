// SPDX-License-Identifier: BSD-2-Clause
// Where libvmm and sDDF are: flag, else environment, else the store. What is given is used as it is, with a warning if
// it is not the commit that vmbuild is made for.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Diagnostic, exitCode, Refusal, refuseErrors } from '../../meta/diagnostic.ts';
import { isDirectory, isFile } from '../presence.ts';
import { type FoundPart, judgePart, stack } from '../stack.ts';
import { cacheDir, type Environment, sourceDir } from './cache.ts';
import { readGitHead } from './git-head.ts';

export interface Sources {
  readonly libvmm: Source;
  readonly sddf: Source;
  readonly warnings: readonly Diagnostic[];
}

export interface Source {
  /** Absolute. */
  readonly path: string;
  readonly commit?: string;
  readonly version?: string;
}

export interface FindSourcesOptions {
  /** Values of --libvmm and --sddf. */
  readonly libvmm?: string | undefined;
  readonly sddf?: string | undefined;
  /** LIBVMM, SDDF, and where the store is. */
  readonly env: Environment;
  readonly allowStack?: boolean;
}

/** Throws one Refusal with all that is wrong; exit 69 if all of it is absence. */
export function findSources(options: FindSourcesOptions): Sources {
  const libvmm = findOne('libvmm', options.libvmm, options);
  const sddf = findOne('sDDF', options.sddf, options);
  const all = [...libvmm.diagnostics, ...sddf.diagnostics];
  const errors = all.filter(({ severity }) => severity === 'error');
  const isAbsence = errors.every(({ code }) => code === 'SRC101');
  refuseErrors(all, isAbsence ? exitCode.missing : exitCode.refused);
  return { libvmm: libvmm.source, sddf: sddf.source, warnings: all };
}

/** sDDF alone, for `generate` and for systems that want no more. */
export const findSddf = (options: FindSourcesOptions): FoundSource => findAlone('sDDF', options);

export const findLibvmm = (options: FindSourcesOptions): FoundSource => findAlone('libvmm', options);

interface FoundSource {
  readonly source: Source;
  readonly warnings: readonly Diagnostic[];
}

function findAlone(name: 'libvmm' | 'sDDF', options: FindSourcesOptions): FoundSource {
  const flag = name === 'sDDF' ? options.sddf : options.libvmm;
  const { source, diagnostics } = findOne(name, flag, options);
  if (diagnostics.some(({ severity }) => severity === 'error'))
    throw new Refusal(diagnostics, diagnostics[0]?.code === 'SRC101' ? exitCode.missing : exitCode.refused);
  return { source, warnings: diagnostics };
}

/** Files by which a tree is known; all are used in a build. */
const landmarks = {
  libvmm: ['VERSION', 'include/libvmm/libvmm.h', 'vmm.mk'],
  sDDF: ['include/sddf/serial/queue.h', 'serial/components/virt_tx.c', 'util/custom_libc/libc.c'],
} as const;

/** What `path` lacks to be a tree of `name`. */
export const absentFiles = (name: 'libvmm' | 'sDDF', path: string): readonly string[] =>
  landmarks[name].filter((file) => !isFile(join(path, file)));

function findOne(
  name: 'libvmm' | 'sDDF',
  flag: string | undefined,
  { env, allowStack = false }: FindSourcesOptions,
): { source: Source; diagnostics: readonly Diagnostic[] } {
  const word = name.toLowerCase() as 'libvmm' | 'sddf';
  const variable = word.toUpperCase();
  const { commit } = stack[word];
  const stored = sourceDir(cacheDir(env), word, commit);
  const given = flag ?? env[variable];
  const origin = flag === undefined ? variable : `--${word}`;
  const path = given === undefined || given === '' ? stored : resolve(given);
  const isStored = path === stored;
  const source: Source = { path };
  if (!isDirectory(path)) {
    const message = isStored
      ? `${name} is not in the store ('${path}' is not there)`
      : `'${path}', given by ${origin} for ${name}, is no directory`;
    const hint = isStored
      ? `run 'vmbuild fetch', or name a checkout of ${commit} with --${word} or ${variable}, or put one there`
      : `name a checkout of ${name}`;
    return {
      source,
      diagnostics: [{ code: isStored ? 'SRC101' : 'SRC102', severity: 'error', message, hint }],
    };
  }
  const absent = absentFiles(name, path);
  if (absent.length > 0)
    return {
      source,
      diagnostics: [
        {
          code: 'SRC103',
          severity: 'error',
          message: `'${path}' does not look like ${name}: it has no ${absent.join(', ')}`,
          hint: `name a checkout of ${name} at ${commit} with --${word} or ${variable}`,
        },
      ],
    };
  const found = describe(name, path, isStored ? commit : undefined);
  return {
    source: {
      path,
      ...(found.commit === undefined ? {} : { commit: found.commit }),
      ...(found.version === undefined ? {} : { version: found.version }),
    },
    diagnostics: judgePart(found, { allowStack }),
  };
}

/** `storedCommit`: a tree without git's files in the store is what its directory's name says. */
function describe(name: 'libvmm' | 'sDDF', path: string, storedCommit: string | undefined): FoundPart {
  const commit = readGitHead(path) ?? storedCommit;
  const version = name === 'libvmm' ? readFileSync(join(path, 'VERSION'), 'utf8').trim() : undefined;
  return {
    name,
    path,
    ...(commit === undefined ? {} : { commit }),
    ...(version === undefined ? {} : { version }),
  };
}
