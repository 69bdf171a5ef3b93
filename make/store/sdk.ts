// SPDX-License-Identifier: BSD-2-Clause
// Where the Microkit SDK is: flag, else MICROKIT_SDK, else the store; and what it offers. The flag and the variable may
// name an SDK or a folder of SDKs.
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type Diagnostic, exitCode, refuse, refuseErrors } from '../../meta/diagnostic.ts';
import { isDirectory, isFile } from '../presence.ts';
import { judgePart, stack } from '../stack.ts';
import { compareVersions, isSameMinor, parseVersion } from '../tools/version.ts';
import { cacheDir, type Environment, sdkDir } from './cache.ts';

export interface Sdk {
  /** Absolute. */
  readonly path: string;
  /** As VERSION has it: `2.3.0`. */
  readonly version: string;
  /** Path of the Microkit tool. */
  readonly tool: string;
  /** Configurations of each board, by the directories that there are. */
  readonly boards: ReadonlyMap<string, readonly string[]>;
  readonly warnings: readonly Diagnostic[];
}

export interface FindSdkOptions {
  /** Value of --sdk. */
  readonly sdk?: string | undefined;
  /** MICROKIT_SDK, and where the store is. */
  readonly env: Environment;
  readonly allowStack?: boolean;
}

/** Refuses with exit 69 if there is none. What a board needs of it is checked by `openBoard` (make/store/sdk-board.ts). */
export function findSdk({ sdk, env, allowStack = false }: FindSdkOptions): Sdk {
  const given = sdk ?? env['MICROKIT_SDK'];
  const path =
    given === undefined || given === ''
      ? storedSdk(env)
      : chooseSdk(resolve(given), sdk === undefined ? 'MICROKIT_SDK' : '--sdk');
  const version = readFileSync(join(path, 'VERSION'), 'utf8').trim();
  const tool = join(path, 'bin', 'microkit');
  const found: Diagnostic[] = [...judgePart({ name: 'Microkit SDK', path, version }, { allowStack })];
  const toolProblem = checkTool(tool);
  if (toolProblem !== undefined) found.push({ code: 'SDK104', severity: 'error', ...toolProblem });
  const boards = listBoards(path);
  if (boards.size === 0)
    found.push({
      code: 'SDK105',
      severity: 'error',
      message: `SDK '${path}' has no boards: nothing is in its 'board/'`,
      hint: 'unpack or build it again',
    });
  return { path, version, tool, boards, warnings: refuseErrors(found) };
}

function storedSdk(env: Environment): string {
  const stored = sdkDir(cacheDir(env), stack.microkit);
  if (isFile(join(stored, 'VERSION'))) return stored;
  return refuse('SDK101', `no Microkit SDK: it is not given, and not in the store ('${stored}')`, {
    hint: `run 'vmbuild fetch', or name one (version ${stack.microkit}) with --sdk or MICROKIT_SDK, or unpack microkit-sdk-${stack.microkit} there`,
    exit: exitCode.missing,
  });
}

/** `path` itself, or of the SDKs in it the one that suits best. */
function chooseSdk(path: string, origin: string): string {
  if (isFile(join(path, 'VERSION'))) return path;
  const inside = listDirectories(path).flatMap((name) => {
    const directory = join(path, name);
    return isFile(join(directory, 'VERSION')) && isDirectory(join(directory, 'board'))
      ? [{ directory, version: readFileSync(join(directory, 'VERSION'), 'utf8').trim() }]
      : [];
  });
  const number = (version: string): string => parseVersion(version) ?? '0';
  const best = inside
    .filter(({ version }) => isSameMinor(number(version), stack.microkit))
    .toSorted(
      (a, b) =>
        Number(b.version === stack.microkit) - Number(a.version === stack.microkit) ||
        compareVersions(number(b.version), number(a.version)),
    )[0];
  if (best !== undefined) return best.directory;
  const [only] = inside;
  // A single one of another version is judged like a given one, and may be allowed.
  if (only !== undefined && inside.length === 1) return only.directory;
  const hint = `name a Microkit SDK ${stack.microkit}, or a folder that holds one`;
  if (inside.length > 1)
    return refuse(
      'SDK103',
      `'${path}', given by ${origin}, holds SDKs of version ${inside.map(({ version }) => version).join(', ')}; needed is ${stack.microkit}`,
      { hint },
    );
  return refuse(
    'SDK102',
    isDirectory(path)
      ? `'${path}', given by ${origin}, is no Microkit SDK: it has no VERSION file`
      : `'${path}', given by ${origin}, is no directory`,
    { hint },
  );
}

function checkTool(tool: string): { message: string; hint: string } | undefined {
  if (!isFile(tool))
    return {
      message: `SDK '${dirname(dirname(tool))}' has no bin/microkit`,
      hint: 'unpack or build it again',
    };
  try {
    accessSync(tool, constants.X_OK);
    return undefined;
  } catch {
    return { message: `'${tool}' may not be executed`, hint: `run: chmod +x '${tool}'` };
  }
}

function listBoards(path: string): ReadonlyMap<string, readonly string[]> {
  const boards = listDirectories(join(path, 'board'));
  return new Map(boards.map((board) => [basename(board), listDirectories(join(path, 'board', board))]));
}

function listDirectories(path: string): string[] {
  try {
    return readdirSync(path)
      .filter((name) => isDirectory(join(path, name)))
      .toSorted();
  } catch {
    return []; // not there, or no directory
  }
}
