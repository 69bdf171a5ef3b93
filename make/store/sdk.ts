// SPDX-License-Identifier: BSD-2-Clause
// Where the Microkit SDK is: flag, else MICROKIT_SDK, else the store; and what it offers. The flag and the variable may
// name an SDK or a folder of SDKs (choose-sdk.ts).
import { accessSync, constants } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type Diagnostic, exitCode, refuse, refuseErrors } from '../../meta/diagnostic.ts';
import { isFile } from '../presence.ts';
import { shellWord } from '../shell-word.ts';
import { judgePart, stack } from '../stack.ts';
import { cacheDir, type Environment, sdkDir } from './cache.ts';
import { type ChosenSdk, chooseSdk, hasVersion, listDirectories, readVersion } from './choose-sdk.ts';
import { describeForeign } from './tool-machine.ts';

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
  /** Of a folder of SDKs: which one this is, and what else is there. */
  readonly note?: string;
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
  const { path, note } =
    given === undefined || given === ''
      ? storedSdk(env)
      : chooseSdk(resolve(given), sdk === undefined ? 'MICROKIT_SDK' : '--sdk');
  const version = readVersion(path);
  const tool = join(path, 'bin', 'microkit');
  const found: Diagnostic[] = [...judgePart({ name: 'Microkit SDK', path, version }, { allowStack })];
  const toolProblem = checkTool(tool);
  if (toolProblem !== undefined) found.push(toolProblem);
  const boards = listBoards(path);
  if (boards.size === 0)
    found.push({
      code: 'SDK105',
      severity: 'error',
      message: `SDK '${path}' has no boards: nothing is in its 'board/'`,
      hint: 'unpack or build it again',
    });
  const warnings = refuseErrors(found);
  return { path, version, tool, boards, warnings, ...(note === undefined ? {} : { note }) };
}

function storedSdk(env: Environment): ChosenSdk {
  const stored = sdkDir(cacheDir(env), stack.microkit);
  if (hasVersion(stored)) return { path: stored };
  return refuse('SDK101', `no Microkit SDK: it is not given, and not in the store ('${stored}')`, {
    hint: `run 'vmbuild fetch', or name one (version ${stack.microkit}) with --sdk or MICROKIT_SDK, or unpack microkit-sdk-${stack.microkit} there`,
    exit: exitCode.missing,
  });
}

/** Undefined if the tool can be started, as far as can be seen. */
function checkTool(tool: string): Diagnostic | undefined {
  const wrong = (code: string, message: string, hint: string): Diagnostic => ({
    code,
    severity: 'error',
    message,
    hint,
  });
  if (!isFile(tool))
    return wrong('SDK104', `SDK '${dirname(dirname(tool))}' has no bin/microkit`, 'unpack or build it again');
  try {
    accessSync(tool, constants.X_OK);
  } catch {
    return wrong('SDK104', `'${tool}' may not be executed`, `run: chmod +x ${shellWord(tool)}`);
  }
  const foreign = describeForeign(tool);
  if (foreign === undefined) return undefined;
  return wrong(
    'SDK122',
    `'${tool}' is a program for ${foreign}, and this machine is ${process.platform} on ${process.arch}`,
    "run 'vmbuild fetch' for the SDK of this machine, or name one with --sdk",
  );
}

function listBoards(path: string): ReadonlyMap<string, readonly string[]> {
  const boards = listDirectories(join(path, 'board'));
  return new Map(boards.map((board) => [basename(board), listDirectories(join(path, 'board', board))]));
}
