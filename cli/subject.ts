// SPDX-License-Identifier: BSD-2-Clause
// Which system a command is about: an SDF file that the user names, or the one that vmbuild ships, for --board.
import { existsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { readGiven } from '../linux/given-file.ts';
import type { CheckTarget } from '../meta/check/target.ts';
import { type Diagnostic, exitCode, refuse } from '../meta/diagnostic.ts';
import { xmlLimits } from '../meta/limits.ts';
import type { SystemDescription } from '../meta/model.ts';
import { checkSdf } from '../meta/sdf/check.ts';
import type { PrefillFile } from '../meta/sdf/parse-region.ts';
import type { Settings } from './options.ts';
import type { UserSystem } from './user-system.ts';
import type { CommandContext } from './vmbuild.ts';
import type { Seen } from './watch.ts';

export interface Subject {
  /** Undefined if the file is so damaged that there is nothing to describe. */
  readonly system: SystemDescription | undefined;
  /** Errors and warnings, in the order of the file. */
  readonly findings: readonly Diagnostic[];
  /** Without folder and ending. */
  readonly name: string;
  /** As the user named it. */
  readonly place: string;
  /** Of an SDF file: what stands in it. */
  readonly text?: string;
  /** Of a system of the user's own: its configs, programs and policies, too. */
  readonly own?: UserSystem;
}

/**
 * Judges it for `target`. Refuses what cannot be read at all; what is wrong with what was read is in `findings`. `seen`
 * hears which files it was read from.
 */
export async function loadSubject(
  context: CommandContext,
  target: CheckTarget,
  seen: Seen = () => undefined,
): Promise<Subject> {
  const { settings } = context;
  const [file, description] = [settings.text('file'), settings.text('system')];
  if (description !== undefined) return ownSystem(context, { description, file, target, seen });
  return file === undefined ? await shippedSystem(context, target) : await systemFile(context, file, target);
}

async function ownSystem(
  context: CommandContext,
  options: { description: string; file: string | undefined; target: CheckTarget; seen: Seen },
): Promise<Subject> {
  const { description, file, target, seen } = options;
  if (file !== undefined)
    refuse('ARG143', `'${file}' is one system, and '${description}', named by --system, another`, {
      hint: 'leave one of them out',
      exit: exitCode.usage,
    });
  const { loadUserSystem, refuseGuestCount } = await import('./user-system.ts');
  refuseGuestCount(context.settings);
  const own = await loadUserSystem(context, description, { target });
  seen(own.inputs);
  return { system: own.system, findings: own.findings, name: own.name, place: description, own };
}

async function systemFile({ settings }: CommandContext, file: string, target: CheckTarget): Promise<Subject> {
  const text = decode(await readGiven('the description', file, xmlLimits.bytes, 'SDF717'), file);
  const { system, findings } = checkSdf(text, file, target, prefillFinder(settings, file));
  return { system, findings, name: basename(file).replace(/[.][^.]*$/, ''), place: file, text };
}

/** UTF-8, as the Microkit tool demands. */
function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const [first, second] = bytes;
    const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
    return refuse('SDF718', `the description '${file}' is ${isUtf16 ? 'UTF-16' : 'no UTF-8'}`, {
      hint: `save it as UTF-8${isUtf16 ? `: iconv -f UTF-16 -t UTF-8` : ''}`,
    });
  }
}

/** In the order of Microkit's tool: its search paths, then the working directory. */
function prefillFinder(settings: Settings, file: string): (path: string) => PrefillFile {
  const folders = [...(settings.text('search-path')?.split(':') ?? [dirname(file)]), '.'];
  return (path) => {
    const found = folders.map((folder) => resolve(folder, path)).find((candidate) => existsSync(candidate));
    if (found === undefined) return 'missing';
    const stats = statSync(found);
    return stats.isFile() ? stats.size : 'unreadable';
  };
}

async function shippedSystem(context: CommandContext, target: CheckTarget): Promise<Subject> {
  const [{ loadBoard }, { describeSystem }, { findTools }, { checkSystem }, { makeTemporaryDirectory }] =
    await Promise.all([
      import('../boards/index.ts'),
      import('./describe.ts'),
      import('../make/tools/find.ts'),
      import('../meta/check/system.ts'),
      import('../make/temporary-directory.ts'),
    ]);
  const { settings, env } = context;
  const board = await loadBoard(settings.text('board') ?? '');
  const { dtc } = await findTools(['dtc'], env);
  // Who checks wants to know, not to have: nothing is left behind.
  const buildDir = await makeTemporaryDirectory('vmbuild-');
  try {
    const { system } = await describeSystem(context, { board, buildDir, dtc: dtc.path });
    return {
      system,
      findings: checkSystem(system, target),
      name: 'vsock',
      place: join('meta', 'vsock-system.ts'),
    };
  } finally {
    await rm(buildDir, { recursive: true, force: true });
  }
}
