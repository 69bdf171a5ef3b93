// SPDX-License-Identifier: BSD-2-Clause
// `--system FILE`: a system that the user describes in TypeScript or JavaScript, loaded for one board.
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { type Board, loadBoard } from '../boards/index.ts';
import { findTools } from '../make/tools/find.ts';
import type { CheckTarget } from '../meta/check/target.ts';
import {
  type DescribeFacts,
  describeOwnSystem,
  isDefinedSystem,
  type OwnSystem,
} from '../meta/define-system.ts';
import { exitCode, refuse } from '../meta/diagnostic.ts';
import { didYouMean } from '../meta/finding.ts';
import { loadTree } from './describe.ts';
import type { Settings } from './options.ts';
import { bundleUserFile, realFile } from './user-bundle.ts';
import { shortPath } from './user-place.ts';
import { runUserCode } from './user-run.ts';
import type { CommandContext } from './vmbuild.ts';

export interface UserSystem extends OwnSystem {
  /** Absolute. */
  readonly file: string;
  /** `my-system` of `my-system.ts`; of a `system.ts` or `index.ts` its directory's name. */
  readonly name: string;
  readonly board: Board;
  /** Absolute paths of the description and all that it imports. */
  readonly inputs: readonly string[];
}

export interface LoadOptions {
  /** Where the board's device tree is compiled; without, in a directory that goes away again. */
  readonly buildDir?: string;
  /** sDDF's device tree source of the board, to hold the board's own against. */
  readonly referenceDts?: string;
  /** What it is judged for. */
  readonly target?: CheckTarget;
  readonly deadlineMs?: number;
}

/** What a description may take, all in all. */
const deadlineMs = 10_000;

/** The description in `file` for the board of the settings. What it finds is not refused: that is for the command to do. */
export async function loadUserSystem(
  context: CommandContext,
  file: string,
  options: LoadOptions = {},
): Promise<UserSystem> {
  const { settings, env } = context;
  const path = await checkFile(file);
  const board = await loadBoard(settings.text('board') ?? 'qemu_virt_aarch64');
  const { target } = options;
  if (target !== undefined && target.arch !== board.arch)
    refuse(
      'ARG144',
      `'${file}' is described for board '${board.name}', which is ${board.arch}, not ${target.arch}`,
      {
        hint: 'name a board of that architecture with --board, or leave --arch out',
        exit: exitCode.usage,
      },
    );
  const { dtc } = await findTools(['dtc'], env);
  const tree = await loadTree(context, { board, dtc: dtc.path, ...options });
  const facts = { board, tree, ...(target === undefined ? {} : { target }) };
  return { ...(await evaluate(context, path, facts, options)), board };
}

async function evaluate(
  { signal }: CommandContext,
  file: string,
  facts: DescribeFacts & { readonly board: Board },
  options: LoadOptions,
): Promise<Omit<UserSystem, 'board'>> {
  const bundle = await bundleUserFile(file);
  const described = await runUserCode({
    file,
    bundle,
    signal,
    deadlineMs: options.deadlineMs ?? deadlineMs,
    use: async (exported) => {
      const defined = 'default' in exported ? exported['default'] : undefined;
      if (!isDefinedSystem(defined)) return refuseUndefined(file, exported);
      return describeOwnSystem(defined, facts);
    },
  });
  return { ...described, file, name: systemName(file), inputs: bundle.inputs };
}

export function systemName(file: string): string {
  const name = basename(file, extname(file));
  return name === 'system' || name === 'index' ? basename(dirname(file)) || name : name;
}

/** How many guests there are is the description's word. */
export function refuseGuestCount(settings: Settings): void {
  if (settings.flag('vms') !== undefined)
    refuse('ARG141', "--vms is about the guests of vmbuild's own system, and --system names another", {
      hint: 'leave one of them out',
      exit: exitCode.usage,
    });
}

/** What says something of Linux guests. */
const guestFlags = ['guest', 'images', 'linux', 'initrd', 'append'] as const;

export function refuseGuestFlags(settings: Settings, file: string): void {
  const given = guestFlags.filter((name) => settings.flag(name) !== undefined);
  if (given.length > 0)
    refuse(
      'ARG141',
      `${given.map((name) => `--${name}`).join(', ')} is about Linux guests, and '${file}' describes none`,
      { hint: 'leave it out, or add a guest with addLinux', exit: exitCode.usage },
    );
}

// ---- what is no description ----------------------------------------------------------------------------------------

const extensions = ['.ts', '.mts', '.js', '.mjs'];

/** Absolute, links resolved. Refuses USR101 to USR103. */
async function checkFile(file: string): Promise<string> {
  const usage = { exit: exitCode.usage } as const;
  const found = await stat(file).catch(() => undefined);
  if (found === undefined)
    refuse('USR101', `there is no description '${file}'`, { hint: await nearby(file), ...usage });
  if (!found.isFile())
    refuse(
      'USR102',
      `the description '${file}' is ${found.isDirectory() ? 'a directory' : 'no regular file'}`,
      {
        hint: found.isDirectory() ? await within(file) : 'name a file that ends in .ts',
        ...usage,
      },
    );
  if (!extensions.includes(extname(file)))
    refuse('USR103', `the description '${file}' ends in none of ${extensions.join(', ')}`, {
      hint:
        extname(file) === '.system'
          ? `write 'vmbuild check ${file}' for a system description of Microkit's, or describe it in TypeScript`
          : 'describe the system in TypeScript',
      ...usage,
    });
  return realFile(file);
}

async function nearby(file: string): Promise<string> {
  const names = await descriptionsIn(dirname(resolve(file)));
  return names.length === 0 ? 'check its path' : didYouMean(basename(file), names);
}

async function within(directory: string): Promise<string> {
  const [first] = await descriptionsIn(directory);
  return first === undefined ? 'name the file in it' : `name the file in it, perhaps ${directory}/${first}`;
}

async function descriptionsIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((): string[] => []);
  return names.filter((name) => extensions.includes(extname(name)) && !name.endsWith('.d.ts')).toSorted();
}

const smallest = `begin with
    import { defineSystem } from 'vmbuild/meta';
    export default defineSystem(({ sdf }) => {
      sdf.addPd({ name: 'hello', priority: 1, program: { sources: ['hello.c'] } });
    });`;

function refuseUndefined(file: string, exported: Readonly<Record<string, unknown>>): never {
  const place = { file: shortPath(file) };
  const names = Object.keys(exported);
  if (!('default' in exported))
    return refuse(
      'USR107',
      `the description has no default export${names.length === 0 ? ', nor any other' : `, only ${names.map((name) => `'${name}'`).join(', ')}`}`,
      { place, hint: smallest },
    );
  const { default: given } = exported;
  const kind = given === null ? 'null' : Array.isArray(given) ? 'an array' : `of type ${typeof given}`;
  return refuse('USR108', `the description's default export is ${kind}, and not made by defineSystem`, {
    place,
    hint: smallest,
  });
}
